/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/version.h"

const char *rp_version(void)
{
	return RIGPROOF_VERSION;
}
