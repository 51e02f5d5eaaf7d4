/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/encoding.h"
#include "lib/file.h"
#include "lib/folder.h"
#include "lib/metrics.h"
#include "lib/openssl_cleanup.h"
#include "server/cas/part.h"

#define BUCKETS 256
#define SLICE (1 << 20) /* hashed between two looks at other events: about a millisecond */

/*
 * A file that was changed within the same tick of the kernel's coarse clock keeps its ctime: what
 * was so young when its hashing began is hashed again next time. 20 ms is two ticks at 100 Hz.
 */
#define YOUNG_NS (20 * 1000 * 1000)

#define REMEDY "upload it again, with `rigproof image add`"

struct identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct blob {
	LIST_ENTRY(blob) entry;
	char sha256[RP_SHA256_HEX];
	struct identity identity; /* when it was hashed */
	bool lasting;		  /* false: it was young, only good for what was opened then */
	int result;		  /* 0 or -EBADMSG */
};

struct waiter {
	SLIST_ENTRY(waiter) entry;
	rp_artefacts_opened opened;
	void *context;
};

/* One file that is being hashed, in slices. */
struct check {
	LIST_ENTRY(check) entry;
	struct rp_artefacts *artefacts;
	char sha256[RP_SHA256_HEX];
	struct identity identity;
	bool young;
	int fd;
	off_t offset;
	EVP_MD_CTX *digest;
	struct event *next;
	SLIST_HEAD(, waiter) waiters;
};

struct rp_artefacts {
	struct event_base *base;
	struct rp_metrics *metrics;
	char *blobs; /* STATE/cas/sha256 */
	char *parts; /* STATE/cas/tmp */
	unsigned serial;
	unsigned char *slice; /* what hashing reads into */
	LIST_HEAD(, blob) known[BUCKETS];
	LIST_HEAD(, check) checks;
};

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_identity(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       same_time(a->mtime, b->mtime) && same_time(a->ctime, b->ctime);
}

static int identify(int fd, struct identity *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	*ret = (struct identity){st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim};
	return 0;
}

static bool is_young(const struct identity *identity)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - identity->ctime.tv_sec) * INT64_C(1000000000) + now.tv_nsec -
		       identity->ctime.tv_nsec <
	       YOUNG_NS;
}

static unsigned bucket(const char *sha256)
{
	uint8_t first = 0;
	char two[3] = {sha256[0], sha256[1], '\0'};

	rp_hex_decode(two, &first, 1);
	return first % BUCKETS;
}

static struct blob *known(struct rp_artefacts *artefacts, const char *sha256)
{
	struct blob *blob;

	LIST_FOREACH (blob, &artefacts->known[bucket(sha256)], entry)
		if (!strcmp(blob->sha256, sha256))
			return blob;
	return NULL;
}

static void remember(struct rp_artefacts *artefacts, const char *sha256,
	const struct identity *identity, bool young, int result)
{
	struct blob *blob = known(artefacts, sha256);

	if (!blob) {
		blob = calloc(1, sizeof(*blob));
		if (!blob)
			return;
		memcpy(blob->sha256, sha256, sizeof(blob->sha256));
		LIST_INSERT_HEAD(&artefacts->known[bucket(sha256)], blob, entry);
	}
	blob->identity = *identity;
	blob->lasting = !young;
	blob->result = result;
}

static int refuse(struct rp_artefacts *artefacts, const char *sha256, struct rp_error *err)
{
	rp_metrics_add(artefacts->metrics, "artefacts_refused_total", 1);
	return rp_error_set(err, -EBADMSG,
		"artefact %s: its bytes are not what its name says, so it is not served: " REMEDY,
		sha256);
}

static int open_blob(struct rp_artefacts *artefacts, const char *sha256, int *ret_fd,
	struct identity *ret_identity, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_artefacts_path(artefacts, sha256);
	rp_cleanup(fd) int fd = -1;
	int r;

	if (!path)
		return rp_error_set(
			err, -ENOENT, "artefact: a name is 64 lower-case hexadecimal digits");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		r = -errno;
	else
		r = identify(fd, ret_identity);
	if (r == -ENOENT || r == -ELOOP)
		return rp_error_set(err, -ENOENT, "artefact %s is not here: " REMEDY, sha256);
	if (r < 0)
		return rp_error_set(err, r, "%s: %s", path, strerror(-r));
	*ret_fd = rp_steal_fd(fd);
	return 0;
}

/* What is known of exactly this file. -EAGAIN: nothing. */
static int verdict(
	struct rp_artefacts *artefacts, const char *sha256, const struct identity *identity)
{
	struct blob *blob = known(artefacts, sha256);

	return blob && blob->lasting && same_identity(&blob->identity, identity) ? blob->result
										 : -EAGAIN;
}

int rp_artefacts_is_verified(struct rp_artefacts *artefacts, const char *sha256)
{
	rp_cleanup(fd) int fd = -1;
	struct identity identity;

	return open_blob(artefacts, sha256, &fd, &identity, NULL) == 0 &&
	       verdict(artefacts, sha256, &identity) == 0;
}

/* Hash at most one slice. 0: more to do; 1: at the end; negative errno. */
static int hash_slice(struct check *check)
{
	ssize_t n = pread(check->fd, check->artefacts->slice, SLICE, check->offset);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		return 1;
	if (EVP_DigestUpdate(check->digest, check->artefacts->slice, (size_t)n) != 1)
		return -EIO;
	check->offset += n;
	return 0;
}

/* After the last slice: 0 or -EBADMSG, which is remembered. */
static int hash_end(struct check *check)
{
	uint8_t digest[RP_SHA256_LEN];
	char hex[RP_SHA256_HEX];
	struct identity after;
	int result;

	if (EVP_DigestFinal_ex(check->digest, digest, NULL) != 1)
		return -EIO;
	rp_hex_encode(digest, sizeof(digest), hex);
	result = strcmp(hex, check->sha256) ? -EBADMSG : 0;
	if (identify(check->fd, &after) < 0 || !same_identity(&after, &check->identity))
		return -EBADMSG; /* changed under our hands: not remembered */
	remember(check->artefacts, check->sha256, &check->identity, check->young, result);
	rp_metrics_add(check->artefacts->metrics, "artefacts_verified_total", result == 0);
	return result;
}

static void check_free(struct check *check)
{
	if (check->next)
		event_free(check->next);
	if (check->fd >= 0)
		close(check->fd);
	EVP_MD_CTX_free(check->digest);
	free(check);
}

static void check_cleanup(struct check **check)
{
	if (*check)
		check_free(*check);
}

/* Takes fd. */
static int check_new(struct rp_artefacts *artefacts, const char *sha256, int fd,
	const struct identity *identity, struct check **ret)
{
	__attribute__((cleanup(check_cleanup))) struct check *check = calloc(1, sizeof(*check));

	if (!check) {
		close(fd);
		return -ENOMEM;
	}
	check->fd = fd;
	check->artefacts = artefacts;
	memcpy(check->sha256, sha256, sizeof(check->sha256));
	check->identity = *identity;
	check->young = is_young(identity);
	check->digest = EVP_MD_CTX_new();
	if (!check->digest || EVP_DigestInit_ex(check->digest, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	*ret = rp_steal(check);
	return 0;
}

int rp_artefacts_open(struct rp_artefacts *artefacts, const char *sha256, int *ret_fd,
	off_t *ret_size, struct rp_error *err)
{
	__attribute__((cleanup(check_cleanup))) struct check *check = NULL;
	rp_cleanup(fd) int fd = -1;
	struct identity identity;
	int r = open_blob(artefacts, sha256, &fd, &identity, err);

	if (r < 0)
		return r;
	r = verdict(artefacts, sha256, &identity);
	if (r == -EAGAIN) {
		r = check_new(artefacts, sha256, dup(fd), &identity, &check);
		while (r == 0)
			r = hash_slice(check);
		if (r > 0)
			r = hash_end(check);
	}
	if (r == -EBADMSG)
		return refuse(artefacts, sha256, err);
	if (r < 0)
		return rp_error_set(err, r, "artefact %s: %s", sha256, strerror(-r));
	*ret_size = identity.size;
	*ret_fd = rp_steal_fd(fd);
	return 0;
}

static void check_done(struct check *check, int result)
{
	struct rp_error err = RP_ERROR_NONE;
	struct waiter *waiter;

	LIST_REMOVE(check, entry);
	if (result == -EBADMSG)
		refuse(check->artefacts, check->sha256, &err);
	else if (result < 0)
		rp_error_set(&err, result, "artefact %s: %s", check->sha256, strerror(-result));
	while ((waiter = SLIST_FIRST(&check->waiters))) {
		int fd = result == 0 ? fcntl(check->fd, F_DUPFD_CLOEXEC, 3) : -1;
		int r = result == 0 && fd < 0 ? -errno : result;

		SLIST_REMOVE_HEAD(&check->waiters, entry);
		waiter->opened(waiter->context, r, fd, check->identity.size, &err);
		free(waiter);
	}
	check_free(check);
}

static void check_continue(evutil_socket_t fd, short what, void *context)
{
	struct check *check = context;
	int r = hash_slice(check);

	if (r == 0)
		event_add(check->next, &(struct timeval){0, 0});
	else
		check_done(check, r > 0 ? hash_end(check) : r);
}

/* The check of this very file that is under way, or a new one. Takes fd in both cases. */
static int check_join(struct rp_artefacts *artefacts, const char *sha256, int fd,
	const struct identity *identity, struct check **ret)
{
	struct check *check;
	int r;

	LIST_FOREACH (check, &artefacts->checks, entry)
		if (!strcmp(check->sha256, sha256) && same_identity(&check->identity, identity)) {
			close(fd);
			*ret = check;
			return 0;
		}
	r = check_new(artefacts, sha256, fd, identity, &check);
	if (r < 0)
		return r;
	check->next = evtimer_new(artefacts->base, check_continue, check);
	if (!check->next || event_add(check->next, &(struct timeval){0, 0}) < 0) {
		check_free(check);
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&artefacts->checks, check, entry);
	*ret = check;
	return 0;
}

void rp_artefacts_open_async(struct rp_artefacts *artefacts, const char *sha256,
	rp_artefacts_opened opened, void *context)
{
	struct rp_error err = RP_ERROR_NONE;
	struct check *check;
	struct waiter *waiter;
	struct identity identity;
	int fd, r;

	r = open_blob(artefacts, sha256, &fd, &identity, &err);
	if (r < 0) {
		opened(context, r, -1, 0, &err);
		return;
	}
	r = verdict(artefacts, sha256, &identity);
	if (r == 0) {
		opened(context, 0, fd, identity.size, &err);
		return;
	}
	if (r == -EBADMSG) {
		close(fd);
		opened(context, refuse(artefacts, sha256, &err), -1, 0, &err);
		return;
	}
	waiter = calloc(1, sizeof(*waiter));
	r = check_join(artefacts, sha256, fd, &identity, &check);
	if (r < 0 || !waiter) {
		/* a check without waiters just ends */
		free(waiter);
		rp_error_set(&err, -ENOMEM, "artefact %s: no memory", sha256);
		opened(context, -ENOMEM, -1, 0, &err);
		return;
	}
	*waiter = (struct waiter){.opened = opened, .context = context};
	SLIST_INSERT_HEAD(&check->waiters, waiter, entry);
}

int rp_artefacts_unchanged(struct rp_artefacts *artefacts, const char *sha256, int fd)
{
	struct blob *blob = known(artefacts, sha256);
	struct identity identity;

	/* A replaced blob has a new identity under its name; the old file, still open, is as good
	 * as it was: only what was written into it matters. */
	if (!blob || identify(fd, &identity) < 0)
		return 0;
	if (identity.ino != blob->identity.ino)
		return 1;
	return blob->result == 0 && same_time(identity.mtime, blob->identity.mtime) &&
	       identity.size == blob->identity.size;
}

int rp_artefacts_has(struct rp_artefacts *artefacts, const char *sha256)
{
	rp_cleanup(free) char *path = rp_artefacts_path(artefacts, sha256);

	return path && access(path, F_OK) == 0;
}

char *rp_artefacts_path(struct rp_artefacts *artefacts, const char *sha256)
{
	if (!sha256 || !rp_sha256_hex_valid(sha256))
		return NULL;
	return rp_path("%s/%s", artefacts->blobs, sha256);
}

int rp_artefacts_part_create(
	struct rp_artefacts *artefacts, int *ret_fd, char **ret_path, struct rp_error *err)
{
	rp_cleanup(free) char *path =
		rp_path("%s/%d-%u", artefacts->parts, getpid(), artefacts->serial++);
	int fd;

	if (!path)
		return rp_error_memory(err);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	*ret_fd = fd;
	*ret_path = rp_steal(path);
	return 0;
}

int rp_artefacts_write(int fd, const void *data, size_t len, int64_t offset)
{
	const char *at = data;

	while (len) {
		ssize_t n = pwrite(fd, at, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

int rp_artefacts_publish(struct rp_artefacts *artefacts, int fd, const char *part,
	const char *sha256, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_artefacts_path(artefacts, sha256);
	rp_cleanup(fd) int folder = open(artefacts->blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!path || folder < 0 || fchmod(fd, 0444) < 0 || fsync(fd) < 0 ||
		rename(part, path) < 0 || fsync(folder) < 0)
		return rp_error_set(err, -errno, "artefact %s: %s", sha256, strerror(errno));
	return 0;
}

/* Copy bytes from source, or from data where source is -1, into a new part and publish it. */
static int add(struct rp_artefacts *artefacts, int source, const void *data, size_t len,
	char ret_sha256[65], struct rp_error *err)
{
	rp_cleanup(md_ctx) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	rp_cleanup(free) char *part = NULL;
	rp_cleanup(fd) int fd = -1;
	uint8_t bytes[RP_SHA256_LEN];
	char hex[RP_SHA256_HEX];
	int64_t offset = 0;
	int r;

	if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		return rp_error_memory(err);
	r = rp_artefacts_part_create(artefacts, &fd, &part, err);
	if (r < 0)
		return r;
	for (;;) {
		ssize_t n = (ssize_t)len;

		if (source >= 0) {
			n = pread(source, artefacts->slice, SLICE, offset);
			data = artefacts->slice;
		}
		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : 0;
		if (r == 0)
			r = rp_artefacts_write(fd, data, (size_t)n, offset);
		if (r == 0 && EVP_DigestUpdate(digest, data, (size_t)n) != 1)
			r = -EIO;
		offset += n > 0 ? n : 0;
		if (r < 0 || n == 0 || source < 0)
			break;
	}
	if (r == 0 && EVP_DigestFinal_ex(digest, bytes, NULL) != 1)
		r = -EIO;
	if (r < 0) {
		rp_error_set(err, r, "%s: %s", part, strerror(-r));
	} else {
		rp_hex_encode(bytes, sizeof(bytes), hex);
		r = rp_artefacts_publish(artefacts, fd, part, hex, err);
	}
	if (r < 0) {
		unlink(part);
		return r;
	}
	memcpy(ret_sha256, hex, sizeof(hex));
	return 0;
}

int rp_artefacts_add_file(
	struct rp_artefacts *artefacts, const char *path, char ret_sha256[65], struct rp_error *err)
{
	rp_cleanup(fd) int source = open(path, O_RDONLY | O_CLOEXEC);

	if (source < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	return add(artefacts, source, NULL, 0, ret_sha256, err);
}

int rp_artefacts_add(struct rp_artefacts *artefacts, const void *data, size_t len,
	char ret_sha256[65], struct rp_error *err)
{
	return add(artefacts, -1, data, len, ret_sha256, err);
}

/* tmp/ holds only what a process before us left. Takes the descriptor. */
static int remove_leftovers(struct rp_artefacts *artefacts, int fd, struct rp_error *err)
{
	rp_cleanup(dir) DIR *parts = fdopendir(fd);
	struct dirent *entry;

	if (!parts) {
		int r = rp_error_set(err, -errno, "%s: %s", artefacts->parts, strerror(errno));

		close(fd);
		return r;
	}
	while ((entry = readdir(parts)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(parts), entry->d_name, 0);
	return 0;
}

/* By descriptor: we may still be root, in a folder of somebody else's. */
static int prepare(struct rp_artefacts *artefacts, const char *state_dir, struct rp_error *err)
{
	rp_cleanup(fd) int state = rp_folder_open(AT_FDCWD, state_dir, err);
	rp_cleanup(fd) int blobs =
		state < 0 ? state : rp_folder_make(state, "cas/sha256", 0700, err);
	int parts = blobs < 0 ? blobs : rp_folder_make(state, "cas/tmp", 0700, err);

	return parts < 0 ? parts : remove_leftovers(artefacts, parts, err);
}

int rp_artefacts_new(struct event_base *base, const char *state_dir, struct rp_metrics *metrics,
	struct rp_artefacts **ret, struct rp_error *err)
{
	struct rp_artefacts *artefacts = calloc(1, sizeof(*artefacts));
	int r;

	if (!artefacts)
		return rp_error_memory(err);
	artefacts->base = base;
	artefacts->metrics = metrics;
	artefacts->blobs = rp_path("%s/cas/sha256", state_dir);
	artefacts->parts = rp_path("%s/cas/tmp", state_dir);
	artefacts->slice = malloc(SLICE);
	if (!artefacts->blobs || !artefacts->parts || !artefacts->slice)
		r = rp_error_memory(err);
	else
		r = prepare(artefacts, state_dir, err);
	if (r < 0)
		rp_artefacts_free(artefacts);
	else
		*ret = artefacts;
	return r;
}

struct rp_artefacts *rp_artefacts_free(struct rp_artefacts *artefacts)
{
	if (!artefacts)
		return NULL;
	while (!LIST_EMPTY(&artefacts->checks))
		check_done(LIST_FIRST(&artefacts->checks), -ECANCELED);
	for (unsigned i = 0; i < BUCKETS; i++)
		while (!LIST_EMPTY(&artefacts->known[i])) {
			struct blob *blob = LIST_FIRST(&artefacts->known[i]);

			LIST_REMOVE(blob, entry);
			free(blob);
		}
	free(artefacts->blobs);
	free(artefacts->parts);
	free(artefacts->slice);
	free(artefacts);
	return NULL;
}
