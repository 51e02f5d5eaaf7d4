/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/gaming's memory and storage, for the fuzzer: buffers come and go, files are read, pages
 * move. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/gaming_memory.h>
#include <linux/gaming_storage.h>

#include "tests/kmods/fuzz_ioctl.h"

#define PAGE 4096ul
#define AREA (1024 * PAGE)

/* A process's own: memory, files, and where answers go. */
static char *area;
static int files[3] = {-1, -1, -1};
static struct gaming_request requests[GAMING_IO_MOST];
static struct gaming_done done[GAMING_IO_MOST];

static void begin(void)
{
	static const uint8_t hello[] = {0x50, 'h', 'e', 'l', 'l', 'o'};
	struct rlimit limit = {400 << 20, 400 << 20};

	/* Memory is filled as it is asked for: all of the machine's is not to be had. */
	setrlimit(RLIMIT_AS, &limit);
	if (!area || area == MAP_FAILED)
		area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 3; i++) {
		if (files[i] >= 0)
			continue;
		files[i] = memfd_create("fuzz", MFD_CLOEXEC);
		(void)!ftruncate(files[i], 100000);
		(void)!pwrite(files[i], hello, sizeof(hello), 0);
	}
}

static uint64_t some_page(struct fuzz_session *session)
{
	begin();
	return (uintptr_t)area + fuzz_below(&session->random, AREA / PAGE) * PAGE;
}

static uint64_t some_len(struct fuzz_session *session)
{
	return (1 + fuzz_below(&session->random, 80)) * PAGE;
}

static int some_file(struct fuzz_session *session)
{
	begin();
	return fuzz_below(&session->random, 12) ? files[fuzz_below(&session->random, 3)]
						: (int)fuzz_below(&session->random, 20);
}

/* Ids are given from 1 on. */
static uint32_t some_buffer(struct fuzz_session *session)
{
	return 1 + fuzz_below(&session->random, 6);
}

static void fill_memory(struct fuzz_session *session, void *arg)
{
	struct gaming_memory *m = arg;

	m->size = sizeof(*m);
	m->flags = fuzz_below(&session->random, 8) == 0;
	m->addr = some_page(session);
	m->len = some_len(session);
}

static void fill_mmap(struct fuzz_session *session, void *arg)
{
	fill_memory(session, arg);
	((struct gaming_memory *)arg)->addr = 0;
}

static void done_mmap(struct fuzz_session *session, int fd, const void *arg)
{
	const struct gaming_memory *m = arg;

	munmap((void *)(uintptr_t)m->addr, m->len);
}

/* Nothing but the area is to go, or the fuzzer would. */
static void fill_munmap(struct fuzz_session *session, void *arg)
{
	struct gaming_memory *m = arg;

	m->size = sizeof(*m);
	m->addr = some_page(session);
	m->len = PAGE;
}

static void fill_mlock(struct fuzz_session *session, void *arg)
{
	struct gaming_memory *m = arg;

	fill_memory(session, arg);
	m->len = (1 + fuzz_below(&session->random, 4)) * PAGE;
	mlock2((void *)(uintptr_t)m->addr, m->len, MLOCK_ONFAULT);
}

static void fill_pool(struct fuzz_session *session, void *arg)
{
	((struct gaming_pool *)arg)->size = sizeof(struct gaming_pool);
}

static void fill_compact(struct fuzz_session *session, void *arg)
{
	struct gaming_compact *c = arg;

	c->size = sizeof(*c);
	c->addr = some_page(session);
	c->len = some_len(session);
	c->budget_ns = GAMING_COMPACT_MIN_NS << fuzz_below(&session->random, 12);
}

static void fill_contiguity(struct fuzz_session *session, void *arg)
{
	struct gaming_contiguity *c = arg;

	c->size = sizeof(*c);
	c->addr = some_page(session);
	c->len = some_len(session);
}

static void fill_buffer_add(struct fuzz_session *session, void *arg)
{
	struct gaming_buffer *b = arg;

	b->size = sizeof(*b);
	b->addr = some_page(session);
	b->len = some_len(session);
}

static void fill_buffer_del(struct fuzz_session *session, void *arg)
{
	struct gaming_buffer *b = arg;

	b->size = sizeof(*b);
	b->id = some_buffer(session);
}

static void fill_io(struct fuzz_session *session, void *arg)
{
	struct fuzz_random *random = &session->random;
	struct gaming_io *io = arg;

	io->size = sizeof(*io);
	io->count = fuzz_below(random, 8);
	io->done_most = 1 + fuzz_below(random, 16);
	io->wanted = fuzz_below(random, io->done_most + 1);
	io->requests = (uintptr_t)requests;
	io->done = (uintptr_t)done;
	io->timeout_ns = 1 + fuzz_below(random, 2000000);
	for (uint32_t i = 0; i < io->count; i++)
		requests[i] = (struct gaming_request){.fd = some_file(session),
			.buffer = some_buffer(session),
			.buffer_at = fuzz_below(random, 8) ? fuzz_below(random, 40) * 1000
							   : fuzz_value(random),
			.offset = fuzz_below(random, 8) ? fuzz_below(random, 120000)
							: fuzz_value(random),
			.len = fuzz_below(random, 8) ? fuzz_below(random, 20000)
						     : (uint32_t)fuzz_value(random),
			.priority = fuzz_below(random, 6)};
}

static void fill_load(struct fuzz_session *session, void *arg)
{
	struct fuzz_random *random = &session->random;
	struct gaming_load *load = arg;

	load->size = sizeof(*load);
	load->fd = some_file(session);
	load->format = fuzz_below(random, 3);
	load->packed = fuzz_below(random, 2) ? 6 : 1 + fuzz_below(random, 100000);
	load->offset = fuzz_below(random, 2) ? 0 : fuzz_below(random, 100000);
	load->buffer = some_buffer(session);
	load->room = 1 + fuzz_below(random, 5000);
}

static void fill_stream(struct fuzz_session *session, void *arg)
{
	struct fuzz_random *random = &session->random;
	struct gaming_stream *stream = arg;

	stream->size = sizeof(*stream);
	stream->fd = some_file(session);
	stream->eventfd = -1;
	stream->len = 1 + fuzz_below(random, 100000);
	stream->chunk = (1 + fuzz_below(random, 8)) * PAGE;
	stream->buffer = some_buffer(session);
}

static void fill_preload(struct fuzz_session *session, void *arg)
{
	struct gaming_preload *preload = arg;

	preload->size = sizeof(*preload);
	preload->fd = some_file(session);
	preload->len = fuzz_below(&session->random, 200000);
}

/* What packed bytes, and the memory that is read into, are made of changes all the time. */
static void scribble(struct fuzz_session *session)
{
	struct fuzz_random *random = &session->random;
	uint64_t bytes = fuzz_value(random);
	void *at = (void *)(uintptr_t)some_page(session);

	switch (fuzz_below(random, 8)) {
	case 0:
		madvise(at, PAGE, MADV_DONTNEED);
		break;
	case 1:
		munmap(at, PAGE);
		break;
	case 2:
		mmap(at, 16 * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		break;
	case 3:
		mprotect(at, PAGE, fuzz_below(random, 2) ? PROT_READ : PROT_READ | PROT_WRITE);
		break;
	case 4:
		madvise(at, PAGE, MADV_WILLNEED);
		break;
	default:
		(void)!pwrite(
			some_file(session), &bytes, sizeof(bytes), (off_t)fuzz_below(random, 100));
	}
}

static const int memory_reached[] = {EFAULT, ENOMEM, 0};
static const int compact_reached[] = {EAGAIN, EOPNOTSUPP, EINTR, 0};
static const int add_reached[] = {ENOMEM, EFAULT, 0};
static const int del_reached[] = {ENOENT, EBUSY, 0};
static const int io_reached[] = {EAGAIN, ETIMEDOUT, EINTR, 0};
static const int load_reached[] = {EBADMSG, ENOENT, 0};
static const int stream_reached[] = {EAGAIN, 0};

static const struct fuzz_call calls[] = {
	{"MMAP", GAMING_IOC(GAMING_CALL_MMAP), sizeof(struct gaming_memory), false, fill_mmap,
		done_mmap, memory_reached},
	{"MUNMAP", GAMING_IOC(GAMING_CALL_MUNMAP), sizeof(struct gaming_memory), false,
		fill_munmap},
	{"MADVISE", GAMING_IOC(GAMING_CALL_MADVISE), sizeof(struct gaming_memory), false,
		fill_memory, NULL, memory_reached},
	{"MLOCK", GAMING_IOC(GAMING_CALL_MLOCK), sizeof(struct gaming_memory), false, fill_mlock,
		NULL, memory_reached},
	{"POOL", GAMING_IOC_POOL, sizeof(struct gaming_pool), false, fill_pool},
	{"COMPACT", GAMING_IOC_COMPACT, sizeof(struct gaming_compact), true, fill_compact, NULL,
		compact_reached},
	{"CONTIGUITY", GAMING_IOC_CONTIGUITY, sizeof(struct gaming_contiguity), false,
		fill_contiguity},
	{"BUFFER_ADD", GAMING_IOC_BUFFER_ADD, sizeof(struct gaming_buffer), false, fill_buffer_add,
		NULL, add_reached},
	{"BUFFER_DEL", GAMING_IOC_BUFFER_DEL, sizeof(struct gaming_buffer), false, fill_buffer_del,
		NULL, del_reached},
	{"READ", GAMING_IOC(GAMING_CALL_READ), sizeof(struct gaming_io), true, fill_io, NULL,
		io_reached},
	{"PREAD", GAMING_IOC(GAMING_CALL_PREAD), sizeof(struct gaming_io), true, fill_io, NULL,
		io_reached},
	{"WRITE", GAMING_IOC(GAMING_CALL_WRITE), sizeof(struct gaming_io), true, fill_io, NULL,
		io_reached},
	{"LOAD", GAMING_IOC(GAMING_CALL_LOAD), sizeof(struct gaming_load), true, fill_load, NULL,
		load_reached},
	{"STREAM", GAMING_IOC(GAMING_CALL_STREAM), sizeof(struct gaming_stream), false, fill_stream,
		NULL, stream_reached},
	{"PRELOAD", GAMING_IOC(GAMING_CALL_PRELOAD), sizeof(struct gaming_preload), false,
		fill_preload},
};

const struct fuzz_device gaming_memory_fuzz = {
	.path = GAMING_DEVICE,
	.magic = GAMING_IOC_MAGIC,
	.calls = calls,
	.count = sizeof(calls) / sizeof(calls[0]),
	.other = scribble,
};
