/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TFTP root: Debian's iPXE, re-keyed to the lab root and signed with the lab's db key, and the
 * script that it finds beside itself. Files: ipxe.efi, snponly.efi (x86-64), ipxe-arm64.efi (Debian
 * has no snponly for arm64), undionly.kpxe (BIOS: cannot be re-keyed, not signed), autoexec.ipxe
 * (HTTPS), undionly.ipxe (plain HTTP; only with http_url).
 */
#ifndef RP_PXE_LOADER_H
#define RP_PXE_LOADER_H

#include <jansson.h>

#include "lib/error.h"

struct rp_loader_build {
	const char *keys_dir;	/* root.crt, db.key, db.crt */
	const char *ipxe_dir;	/* what pxe/fetch-ipxe printed; NULL: rp_loader_find_ipxe */
	const char *tftp_root;	/* made where missing */
	const char *server_url; /* "https://10.77.0.1:8443": goes into autoexec.ipxe */
	const char *http_url;	/* "http://10.77.0.1:8080" for BIOS rigs; NULL or "": none */
};

/*
 * Build or renew all files; each is replaced in one step, and one that would not change is left as
 * it is. *ret: [{"name","sha256"}]. On failure some files may be new, none is half-written.
 */
int rp_loader_build(const struct rp_loader_build *build, json_t **ret, struct rp_error *err);

/*
 * The newest ipxe-VERSION folder of $RIGPROOF_CACHE (else $XDG_CACHE_HOME/rigproof, else
 * ~/.cache/rigproof). -ENOENT, saying that fetch-ipxe makes it.
 */
int rp_loader_find_ipxe(char **ret_dir, struct rp_error *err);

#endif
