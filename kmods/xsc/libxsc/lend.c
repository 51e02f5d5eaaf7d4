/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that a ring is lent: as many as the kernel asks for, which is one
 * more than operations sleep at the same time.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#include "lend.h"
#include "xsc.h"

/* Little of user space runs in a lent thread: ioctl, and at most posix_spawn. */
#define STACK_SIZE (64 * 1024)

struct xsc_pool {
	int fd;
	uint32_t max;
	sigset_t others; /* all signals but the one that breaks calls off */
	pthread_mutex_t lock;
	_Atomic uint32_t count; /* threads made; written with the lock held, as is threads[] */
	atomic_bool stop;
	pthread_t threads[];
};

static int break_signal; /* 0: none was free */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void on_break(int number)
{
	(void)number; /* that the system call ends is all that is wanted */
}

/* The highest real-time signal that the program does not use. */
static void take_signal(void)
{
	struct sigaction action = {.sa_handler = on_break}, before;

	sigfillset(&action.sa_mask);
	for (int number = SIGRTMAX; number >= SIGRTMIN; number--) {
		if (sigaction(number, NULL, &before) || before.sa_handler != SIG_DFL)
			continue;
		if (!sigaction(number, &action, NULL)) {
			break_signal = number;
			return;
		}
	}
}

static int lend(struct xsc_pool *pool);

static uint32_t may(struct xsc_pool *pool)
{
	return XSC_SERVE_MAY_CALL | (pool && pool->count < pool->max ? XSC_SERVE_MAY_LEND : 0);
}

/* Serve until the service is over. @pool is NULL for a thread that a program lends itself. */
static int serve(int fd, struct xsc_pool *pool)
{
	struct xsc_serve serve = {.size = sizeof(serve)};

	serve.flags = may(pool) | (pool ? XSC_SERVE_ARRIVED : 0);
	while (!pool || !pool->stop) {
		int ret = ioctl(fd, XSC_IOC_SERVE, &serve);

		if (ret < 0 && errno != EINTR)
			return -errno;
		serve.flags = may(pool);
		serve.token = ret == XSC_SERVE_CALL ? serve.token : 0;
		serve.res = 0;
		if (ret == XSC_SERVE_CALL) {
			serve.res = xsc_call(&serve.sqe);
			serve.flags |= XSC_SERVE_RESULT;
		} else if (ret == XSC_SERVE_LEND && lend(pool)) {
			/* No more can be made: not to be asked again at once. */
			serve.flags = XSC_SERVE_MAY_CALL | XSC_SERVE_ARRIVED;
		}
	}
	return -ESHUTDOWN;
}

int xsc_serve_loop(int fd)
{
	return serve(fd, NULL);
}

static void *serve_thread(void *arg)
{
	struct xsc_pool *pool = arg;

	/* By another thread glibc would open a file for it: a number that the program may count on. */
	pthread_setname_np(pthread_self(), "xsc-serve");
	serve(pool->fd, pool);
	return NULL;
}

/*
 * A lent thread has all signals blocked but one: a SIGPIPE or SIGXFSZ of an
 * operation stays with it, and no handler of the program runs on its small stack.
 * What glibc needs for setuid in all threads cannot be blocked and gets through.
 */
static int make_thread(struct xsc_pool *pool, pthread_t *ret_thread)
{
	size_t stack = STACK_SIZE;
	pthread_attr_t attr;
	sigset_t before;
	int err;

	if (stack < (size_t)PTHREAD_STACK_MIN)
		stack = (size_t)PTHREAD_STACK_MIN;
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	err = pthread_attr_setstacksize(&attr, stack);
	if (!err) {
		pthread_sigmask(SIG_SETMASK, &pool->others, &before);
		err = pthread_create(ret_thread, &attr, serve_thread, pool);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	return -err;
}

/* One more thread: 0, or -EAGAIN when there cannot be one. */
static int lend(struct xsc_pool *pool)
{
	int err = -EAGAIN;

	pthread_mutex_lock(&pool->lock);
	if (!pool->stop && pool->count < pool->max)
		err = make_thread(pool, &pool->threads[pool->count]);
	if (!err)
		pool->count++;
	pthread_mutex_unlock(&pool->lock);
	return err;
}

int xsc_pool_start(int fd, uint32_t max, struct xsc_pool **ret_pool)
{
	struct xsc_pool *pool = calloc(1, sizeof(*pool) + max * sizeof(pool->threads[0]));
	int err;

	if (!pool)
		return -ENOMEM;
	pthread_once(&once, take_signal);
	pool->fd = fd;
	pool->max = max;
	sigfillset(&pool->others);
	if (break_signal)
		sigdelset(&pool->others, break_signal);
	pthread_mutex_init(&pool->lock, NULL);
	err = lend(pool);
	if (err) {
		free(pool);
		return err;
	}
	*ret_pool = pool;
	return 0;
}

/*
 * The signal may come just before the system call that it should break: hence again
 * and again. Once `stop` is set nobody is added, so `count` stays.
 */
struct xsc_pool *xsc_pool_stop(struct xsc_pool *pool)
{
	if (!pool)
		return NULL;
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_mutex_unlock(&pool->lock);

	for (uint32_t i = 0; i < pool->count; i++) {
		for (;;) {
			struct timespec until;

			clock_gettime(CLOCK_MONOTONIC, &until);
			until.tv_nsec += 1000000;
			if (until.tv_nsec >= 1000000000) {
				until.tv_sec++;
				until.tv_nsec -= 1000000000;
			}
			if (pthread_clockjoin_np(pool->threads[i], NULL, CLOCK_MONOTONIC, &until) !=
				ETIMEDOUT)
				break;
			if (break_signal)
				pthread_kill(pool->threads[i], break_signal);
		}
	}
	return xsc_pool_forget(pool);
}

struct xsc_pool *xsc_pool_forget(struct xsc_pool *pool)
{
	if (pool)
		pthread_mutex_destroy(&pool->lock);
	free(pool);
	return NULL;
}
