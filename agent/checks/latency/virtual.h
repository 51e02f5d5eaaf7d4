/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says in a line of TAP that this is a virtual machine, where it is one: by the hypervisor bit that
 * x86 processors show their guests (/proc/cpuinfo; CPUID leaf 1, ECX bit 31). Silent where nothing
 * says so, on arm64 too.
 */
#ifndef RP_CHECK_VIRTUAL_H
#define RP_CHECK_VIRTUAL_H

void tell_if_virtual(void);

#endif
