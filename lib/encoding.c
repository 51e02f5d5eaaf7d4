/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/encoding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void rp_hex_encode(const void *data, size_t len, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = digits[bytes[i] >> 4];
		ret_text[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_text[2 * len] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -EINVAL;
}

int rp_hex_decode(const char *text, void *ret_data, size_t len)
{
	uint8_t *bytes = ret_data;

	/* hex_value refuses the final NUL too: nothing behind it is read. */
	for (size_t i = 0; i < 2 * len; i++)
		if (hex_value(text[i]) < 0)
			return -EINVAL;
	if (text[2 * len])
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
	return 0;
}

char *rp_base64_encode(const void *data, size_t len)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *bytes = data;
	char *text, *out;

	if (len / 3 > SIZE_MAX / 4 - 2)
		return NULL;
	text = out = malloc((len + 2) / 3 * 4 + 1);
	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (left > 1)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			group |= bytes[i + 2];
		*out++ = alphabet[group >> 18];
		*out++ = alphabet[group >> 12 & 63];
		*out++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
		*out++ = left > 2 ? alphabet[group & 63] : '=';
	}
	*out = '\0';
	return text;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return -EINVAL;
}

/* Four characters, the last `padding` of them '='. Bits that carry no data must be zero. */
static int decode_group(const char *text, size_t padding, uint8_t *out)
{
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? base64_value(text[i]) : 0;

		if (value < 0)
			return -EINVAL;
		group = group << 6 | (uint32_t)value;
	}
	if ((padding == 1 && group & 0xff) || (padding == 2 && group & 0xffff))
		return -EINVAL;
	for (size_t i = 0; i < 3 - padding; i++)
		out[i] = (uint8_t)(group >> (16 - 8 * i));
	return 0;
}

static size_t padding_of(const char *text, size_t len)
{
	if (!len || text[len - 1] != '=')
		return 0;
	return text[len - 2] == '=' ? 2 : 1;
}

int rp_base64_decode(const char *text, size_t text_len, uint8_t **ret_data, size_t *ret_len)
{
	size_t padding, len;
	uint8_t *data;

	if (text_len % 4)
		return -EINVAL;
	padding = padding_of(text, text_len);
	len = text_len / 4 * 3 - padding;
	data = malloc(len + 1);
	if (!data)
		return -ENOMEM;
	for (size_t i = 0; i < text_len / 4; i++) {
		int last = i + 1 == text_len / 4;

		if (decode_group(text + 4 * i, last ? padding : 0, data + 3 * i) < 0) {
			free(data);
			return -EINVAL;
		}
	}
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	return 0;
}
