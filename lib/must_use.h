/* SPDX-License-Identifier: Apache-2.0 */
/* Where ignoring the result is a fault: nothing was verified, or nothing is on the disk. */
#ifndef RP_LIB_MUST_USE_H
#define RP_LIB_MUST_USE_H

#define RP_MUST_USE __attribute__((warn_unused_result))

#endif
