/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages of section 5, made from the schema: a key that is in the tables is in its page. */
#ifndef RP_MANIFESTS_MANUAL_H
#define RP_MANIFESTS_MANUAL_H

#include <stdio.h>

#include "manifests/manifest.h"

/* rigproof-KIND(5) in roff (man(7)). What cannot be written shows in ferror(out). */
void rp_manifest_manual(enum rp_manifest_kind kind, FILE *out);

#endif
