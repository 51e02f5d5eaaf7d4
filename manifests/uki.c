/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/uki.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

/* Microsoft, "PE Format": offsets within the COFF header, the optional header, a section header. */
enum {
	DOS_PE_OFFSET = 0x3c,
	COFF_SIZE = 20,
	COFF_SECTIONS = 2,
	COFF_SYMBOLS = 8,
	COFF_SYMBOLS_COUNT = 12,
	COFF_OPTIONAL_SIZE = 16,
	OPTIONAL_MAGIC = 0,
	OPTIONAL_INITIALIZED_SIZE = 8,
	OPTIONAL_SECTION_ALIGNMENT = 32,
	OPTIONAL_FILE_ALIGNMENT = 36,
	OPTIONAL_IMAGE_SIZE = 56,
	OPTIONAL_HEADERS_SIZE = 60,
	OPTIONAL_CHECKSUM = 64,
	OPTIONAL_DIRECTORIES = 108,
	OPTIONAL_SECURITY = 112 + 4 * 8,
	OPTIONAL_MIN = OPTIONAL_SECURITY + 8,
	SECTION_SIZE = 40,
	SECTION_NAME = 8,
	SECTION_VIRTUAL_SIZE = 8,
	SECTION_ADDRESS = 12,
	SECTION_RAW_SIZE = 16,
	SECTION_RAW_OFFSET = 20,
	SECTION_FLAGS = 36,
};

#define PE32_PLUS 0x20b
#define FLAGS_DATA 0x40000040u /* initialised data, readable */
#define PAGE 4096u

/* What is needed of a PE file; offsets into it. */
struct pe {
	const uint8_t *data;
	size_t size;
	size_t coff, optional, table; /* headers, section table */
	unsigned sections;
	uint32_t file_alignment, headers_size, image_size;
	uint64_t address_end, raw_end; /* of the section that reaches furthest */
	uint64_t raw_begin;	       /* of the first bytes of a section */
};

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return le16toh(value);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static void put16(uint8_t *at, uint16_t value)
{
	value = htole16(value);
	memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) / alignment * alignment;
}

static bool power_of_two(uint32_t value)
{
	return value && !(value & (value - 1));
}

static const uint8_t *section_at(const struct pe *pe, unsigned i)
{
	return pe->data + pe->table + (size_t)i * SECTION_SIZE;
}

static int refuse(struct rp_error *err, const char *what)
{
	return rp_error_set(err, -EINVAL, "not a PE32+ file for EFI: %s", what);
}

static int parse_sections(struct pe *pe, struct rp_error *err)
{
	pe->raw_begin = pe->size;
	for (unsigned i = 0; i < pe->sections; i++) {
		const uint8_t *section = section_at(pe, i);
		uint64_t virtual_end = (uint64_t)get32(section + SECTION_ADDRESS) +
				       get32(section + SECTION_VIRTUAL_SIZE);
		uint32_t raw_size = get32(section + SECTION_RAW_SIZE);
		uint32_t raw = get32(section + SECTION_RAW_OFFSET);

		if (virtual_end > UINT32_MAX || (uint64_t)raw + raw_size > pe->size)
			return refuse(err, "a section ends behind the file");
		if (virtual_end > pe->address_end)
			pe->address_end = virtual_end;
		if (!raw_size)
			continue;
		if (raw < pe->raw_begin)
			pe->raw_begin = raw;
		if ((uint64_t)raw + raw_size > pe->raw_end)
			pe->raw_end = (uint64_t)raw + raw_size;
	}
	return 0;
}

static int parse(const void *data, size_t size, struct pe *ret, struct rp_error *err)
{
	struct pe pe = {.data = data, .size = size};
	uint32_t pe_offset;
	size_t optional_size;

	if (size < DOS_PE_OFFSET + 4 || memcmp(data, "MZ", 2) != 0)
		return refuse(err, "no MZ header");
	pe_offset = get32(pe.data + DOS_PE_OFFSET);
	if (pe_offset > size || size - pe_offset < 4 + COFF_SIZE ||
		memcmp(pe.data + pe_offset, "PE\0\0", 4) != 0)
		return refuse(err, "no PE header");
	pe.coff = pe_offset + 4;
	pe.sections = get16(pe.data + pe.coff + COFF_SECTIONS);
	optional_size = get16(pe.data + pe.coff + COFF_OPTIONAL_SIZE);
	pe.optional = pe.coff + COFF_SIZE;
	pe.table = pe.optional + optional_size;
	if (optional_size < OPTIONAL_MIN || pe.table > size ||
		(size - pe.table) / SECTION_SIZE < pe.sections)
		return refuse(err, "headers end behind the file");
	if (get16(pe.data + pe.optional + OPTIONAL_MAGIC) != PE32_PLUS)
		return refuse(err, "32-bit");
	pe.file_alignment = get32(pe.data + pe.optional + OPTIONAL_FILE_ALIGNMENT);
	pe.headers_size = get32(pe.data + pe.optional + OPTIONAL_HEADERS_SIZE);
	pe.image_size = get32(pe.data + pe.optional + OPTIONAL_IMAGE_SIZE);
	if (!power_of_two(pe.file_alignment) || pe.file_alignment > 65536 ||
		!power_of_two(get32(pe.data + pe.optional + OPTIONAL_SECTION_ALIGNMENT)) ||
		get32(pe.data + pe.optional + OPTIONAL_SECTION_ALIGNMENT) > PAGE)
		return refuse(err, "its alignments are not powers of two up to 4096");
	if (pe.headers_size > size)
		return refuse(err, "headers end behind the file");
	if (parse_sections(&pe, err) < 0)
		return -EINVAL;
	*ret = pe;
	return 0;
}

static const uint8_t *find_section(const struct pe *pe, const char *name)
{
	for (unsigned i = 0; i < pe->sections; i++)
		if (strncmp((const char *)section_at(pe, i), name, SECTION_NAME) == 0)
			return section_at(pe, i);
	return NULL;
}

/* That nothing is lost or moved by writing more sections behind this file. */
static int check_appendable(const struct pe *pe, const struct rp_uki_section *sections,
	size_t count, struct rp_error *err)
{
	uint64_t table_end = pe->table + (pe->sections + (uint64_t)count) * SECTION_SIZE;

	if (get32(pe->data + pe->optional + OPTIONAL_DIRECTORIES) <= 4 ||
		get32(pe->data + pe->optional + OPTIONAL_SECURITY + 4) != 0)
		return rp_error_set(err, -EINVAL,
			"the stub is signed: sections can be appended to an unsigned one only");
	/* Debian's stub has its linker's symbol table there, which nothing loads: it is dropped. */
	if (!pe->raw_end ||
		(pe->raw_end < pe->size && get32(pe->data + pe->coff + COFF_SYMBOLS) < pe->raw_end))
		return refuse(err, "there is data behind its last section");
	if (table_end > pe->headers_size || table_end > pe->raw_begin)
		return rp_error_set(err, -ENOSPC,
			"the stub's headers have no room for %zu more sections", count);
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(sections[i].name);

		if (!length || length > SECTION_NAME || !sections[i].size)
			return rp_error_set(err, -EINVAL,
				"section %s: needs a name of 1 to 8 characters and content",
				sections[i].name);
		if (find_section(pe, sections[i].name))
			return rp_error_set(err, -EINVAL, "section %s: the stub has one already",
				sections[i].name);
		for (size_t k = 0; k < i; k++)
			if (strcmp(sections[i].name, sections[k].name) == 0)
				return rp_error_set(
					err, -EINVAL, "section %s: given twice", sections[i].name);
	}
	return 0;
}

/* Where everything ends in the file and in memory. */
static int measure(const struct pe *pe, const struct rp_uki_section *sections, size_t count,
	uint64_t *ret_raw_end, struct rp_error *err)
{
	uint64_t raw = align_up(pe->raw_end, pe->file_alignment);
	uint64_t address = pe->address_end;

	if (pe->image_size > address)
		address = pe->image_size;
	for (size_t i = 0; i < count; i++) {
		if (sections[i].size > UINT32_MAX)
			return rp_error_set(
				err, -EFBIG, "section %s: above 4 GiB", sections[i].name);
		raw += align_up(sections[i].size, pe->file_alignment);
		address = align_up(address, PAGE) + sections[i].size;
		if (raw > INT32_MAX || address > INT32_MAX)
			return rp_error_set(err, -EFBIG,
				"section %s: the image would be above 2 GiB, which firmware does "
				"not load",
				sections[i].name);
	}
	*ret_raw_end = raw;
	return 0;
}

int rp_uki_append(const void *stub, size_t stub_size, const struct rp_uki_section *sections,
	size_t count, uint8_t **ret_image, size_t *ret_size, struct rp_error *err)
{
	rp_cleanup(free) uint8_t *image = NULL;
	uint64_t raw, address, image_end = 0;
	uint32_t initialized;
	struct pe pe;
	int r;

	if ((r = parse(stub, stub_size, &pe, err)) < 0 ||
		(r = check_appendable(&pe, sections, count, err)) < 0 ||
		(r = measure(&pe, sections, count, &image_end, err)) < 0)
		return r;
	image = calloc(1, image_end);
	if (!image)
		return rp_error_set(err, -ENOMEM, "no memory for an image of %llu bytes",
			(unsigned long long)image_end);
	memcpy(image, stub, pe.raw_end);

	raw = align_up(pe.raw_end, pe.file_alignment);
	address = pe.address_end > pe.image_size ? pe.address_end : pe.image_size;
	initialized = get32(image + pe.optional + OPTIONAL_INITIALIZED_SIZE);
	for (size_t i = 0; i < count; i++) {
		uint8_t *header = image + pe.table + (pe.sections + i) * SECTION_SIZE;
		uint32_t raw_size = (uint32_t)align_up(sections[i].size, pe.file_alignment);

		address = align_up(address, PAGE);
		memset(header, 0, SECTION_SIZE);
		memcpy(header, sections[i].name, strlen(sections[i].name));
		put32(header + SECTION_VIRTUAL_SIZE, (uint32_t)sections[i].size);
		put32(header + SECTION_ADDRESS, (uint32_t)address);
		put32(header + SECTION_RAW_SIZE, raw_size);
		put32(header + SECTION_RAW_OFFSET, (uint32_t)raw);
		put32(header + SECTION_FLAGS, FLAGS_DATA);
		memcpy(image + raw, sections[i].data, sections[i].size);
		raw += raw_size;
		address += sections[i].size;
		initialized += raw_size;
	}
	put16(image + pe.coff + COFF_SECTIONS, (uint16_t)(pe.sections + count));
	put32(image + pe.coff + COFF_SYMBOLS, 0);
	put32(image + pe.coff + COFF_SYMBOLS_COUNT, 0);
	put32(image + pe.optional + OPTIONAL_INITIALIZED_SIZE, initialized);
	put32(image + pe.optional + OPTIONAL_IMAGE_SIZE, (uint32_t)align_up(address, PAGE));
	/* Firmware ignores it, and sbsign writes it anew. */
	put32(image + pe.optional + OPTIONAL_CHECKSUM, 0);
	*ret_image = rp_steal(image);
	*ret_size = image_end;
	return 0;
}

int rp_uki_find(const void *image, size_t size, const char *name, const uint8_t **ret_data,
	size_t *ret_size, struct rp_error *err)
{
	const uint8_t *section;
	struct pe pe;

	if (parse(image, size, &pe, err) < 0)
		return -EINVAL;
	section = find_section(&pe, name);
	if (!section)
		return rp_error_set(err, -ENOENT, "no section %s", name);
	if (get32(section + SECTION_VIRTUAL_SIZE) > get32(section + SECTION_RAW_SIZE))
		return refuse(err, "the section is longer than its bytes");
	*ret_data = pe.data + get32(section + SECTION_RAW_OFFSET);
	*ret_size = get32(section + SECTION_VIRTUAL_SIZE);
	return 0;
}

int rp_kernel_release(
	const void *kernel, size_t size, char ret_release[RP_KERNEL_RELEASE], struct rp_error *err)
{
	enum { SETUP_MAGIC = 0x202, KERNEL_VERSION = 0x20e, SETUP_END = 0x268 };
	const uint8_t *bytes = kernel;
	size_t at, length = 0;

	if (size < SETUP_END || memcmp(bytes + SETUP_MAGIC, "HdrS", 4) != 0)
		return rp_error_set(err, -EINVAL, "not an x86 kernel (bzImage)");
	if (memcmp(bytes, "MZ", 2) != 0)
		return rp_error_set(err, -EINVAL,
			"the kernel has no EFI stub: build it with CONFIG_EFI_STUB=y");
	at = (size_t)get16(bytes + KERNEL_VERSION) + 0x200;
	while (at + length < size && length < RP_KERNEL_RELEASE - 1 && bytes[at + length] > ' ' &&
		bytes[at + length] < 0x7f)
		length++;
	if (!length)
		return rp_error_set(err, -EINVAL, "the kernel does not say its release");
	memcpy(ret_release, bytes + at, length);
	ret_release[length] = '\0';
	return 0;
}
