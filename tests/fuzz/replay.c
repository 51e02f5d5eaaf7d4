/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over the files of its corpus, so that what a fuzzer once found stays tested.
 */
#include <dirent.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	rp_cleanup(dir) DIR *corpus = NULL;
	struct dirent *entry;
	int ran = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	corpus = opendir(argv[1]);
	if (!corpus) {
		fprintf(stderr, "%s: no such corpus folder\n", argv[1]);
		return 1;
	}
	while ((entry = readdir(corpus))) {
		rp_cleanup(free) char *path = NULL;
		rp_cleanup(free) char *data = NULL;
		struct rp_error err = RP_ERROR_NONE;
		size_t len;

		if (entry->d_name[0] == '.')
			continue;
		path = rp_path("%s/%s", argv[1], entry->d_name);
		if (rp_file_read(path, 1 << 24, &data, &len, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)data, len);
		ran++;
	}
	if (!ran) {
		fprintf(stderr, "%s: the corpus is empty\n", argv[1]);
		return 1;
	}
	printf("%d inputs\n", ran);
	return 0;
}
