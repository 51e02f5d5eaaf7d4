/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small changes to bytes and to JSON, drawn from a seed: the same seed makes the same change of the
 * same input.
 */
#ifndef RP_TESTS_MUTANT_LAB_H
#define RP_TESTS_MUTANT_LAB_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define MUTANT_PATH 256

struct dice {
	uint64_t state;
};

struct dice dice_of(uint64_t seed);
uint64_t dice_roll(struct dice *dice);		/* all 64 bits */
size_t dice_below(struct dice *dice, size_t n); /* 0 to n - 1; n is not 0 */

/*
 * Change bytes in one place: a bit, a byte, some dropped, some twice, two exchanged, one put in, or
 * the end cut off. *data is allocated, with a spare byte behind it, and may move.
 */
void mutate_bytes(struct dice *dice, uint8_t **data, size_t *len);

/*
 * Change one value somewhere below root, or drop it, add beside it, exchange it with another one.
 * ret_path: where that was, as in "checks.0.name"; "" for root itself. root is an object or array.
 */
void mutate_json(struct dice *dice, json_t *root, char ret_path[MUTANT_PATH]);

#endif
