/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP packets as network boot uses them (RFC 2131, 2132, 3046, 3396, 4578; UEFI 24.7): requests
 * read strictly, answers built within bounds. No sockets, no policy.
 *
 * IPv4 addresses are kept in network byte order, as in struct in_addr; all else in host order.
 */
#ifndef RP_PXE_DHCP_PACKET_H
#define RP_PXE_DHCP_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rp_dhcp_type {
	RP_DHCP_DISCOVER = 1,
	RP_DHCP_OFFER = 2,
	RP_DHCP_REQUEST = 3,
	RP_DHCP_ACK = 5,
	RP_DHCP_INFORM = 8,
};

/* Option 60, by its first bytes. */
enum rp_dhcp_vendor { RP_DHCP_VENDOR_OTHER, RP_DHCP_VENDOR_PXE, RP_DHCP_VENDOR_HTTP };

/* Why a packet is no DHCP request of a client with an Ethernet address. */
enum rp_dhcp_flaw {
	RP_DHCP_FLAW_NONE,
	RP_DHCP_FLAW_SHORT,	  /* ends before the options begin */
	RP_DHCP_FLAW_NOT_REQUEST, /* op is not BOOTREQUEST */
	RP_DHCP_FLAW_HARDWARE,	  /* not Ethernet, or an address that no one client has */
	RP_DHCP_FLAW_COOKIE,	  /* no DHCP magic cookie */
	RP_DHCP_FLAW_OPTION_CUT,  /* an option runs over the end of its field */
	RP_DHCP_FLAW_OVERLOAD,	  /* option 52 is not one of 0 (none), 1, 2, 3 */
	RP_DHCP_FLAW_TYPE,	  /* option 53 missing, of wrong length, or unknown */
	RP_DHCP_FLAW_ARCH,	  /* option 93 of odd length */
	RP_DHCP_FLAW_LENGTH,	  /* option 54 has a wrong length, or two values */
	RP_DHCP_FLAW_MAX,
};

const char *rp_dhcp_flaw_text(enum rp_dhcp_flaw flaw);

#define RP_DHCP_ARCH_MAX 16
#define RP_DHCP_RELAY_MAX 255
#define RP_DHCP_GUID_OPTION_MAX 64

struct rp_dhcp_request {
	enum rp_dhcp_type type;
	uint32_t xid;
	uint16_t secs;
	bool broadcast;	       /* the client cannot take unicast yet */
	struct in_addr ciaddr; /* 0: the client has no address */
	struct in_addr giaddr; /* 0: not relayed */
	uint8_t mac[6];
	struct in_addr server; /* option 54: whom it selected; 0: none */
	enum rp_dhcp_vendor vendor;
	uint16_t archs[RP_DHCP_ARCH_MAX]; /* option 93, in the client's order; without it "Arch:"
					   * of option 60 */
	size_t arch_count; /* 0: said in neither; more than the maximum are dropped */
	bool has_guid;	   /* option 97 has 16 bytes, behind type 0 or without a type */
	uint8_t guid[16];  /* as on the wire: SMBIOS bytes, first three fields little-endian */
	uint8_t guid_option[RP_DHCP_GUID_OPTION_MAX]; /* option 97 whole, to be echoed (RFC 4578) */
	size_t guid_option_len;			      /* 0: none */
	bool is_ipxe;	   /* option 77 is "iPXE", bare, or one of the classes of RFC 3004 */
	bool ipxe_https;   /* option 175: this iPXE has HTTPS */
	uint16_t max_size; /* option 57; 0: not said */
	uint8_t relay[RP_DHCP_RELAY_MAX]; /* option 82, to be echoed (RFC 3046 section 2.2) */
	size_t relay_len;
};

/*
 * Read one UDP payload. Options may stand in the options field and, by option 52, in file and
 * sname; an option given in pieces is put together (RFC 3396). One of fixed length that is repeated
 * with the same value counts once, an empty one as absent. Unknown options pass.
 * Returns 0, or -EBADMSG with *reterr_flaw set and *ret untouched.
 */
int rp_dhcp_parse(
	const void *data, size_t len, struct rp_dhcp_request *ret, enum rp_dhcp_flaw *reterr_flaw);

#define RP_DHCP_PACKET_MAX 1472 /* what one Ethernet frame carries */
#define RP_DHCP_FILE_MAX 127	/* a boot file name in the BOOTP header, without NUL */

struct rp_dhcp_answer {
	enum rp_dhcp_type type; /* OFFER or ACK */
	struct in_addr server;	/* options 54, siaddr and sname */
	const char *boot_file;	/* never NULL; a path for TFTP, or a URL; at most 255 bytes */
	bool option_67; /* give boot_file as option 67 too; forced where it does not fit in file */
	bool pxe_skip_discovery; /* option 43 {6: 8}: take the boot file of this very offer */
	bool ipxe_no_pxedhcp;	 /* option 175 {176: 1} */
};

/*
 * Build the answer to request, always with yiaddr 0 (we hand out no addresses). At least 300 bytes,
 * as old BOOTP relays want. Returns its length, -EINVAL (bad answer) or -ENOSPC.
 */
ssize_t rp_dhcp_build(const struct rp_dhcp_request *request, const struct rp_dhcp_answer *answer,
	void *buffer, size_t size);

#endif
