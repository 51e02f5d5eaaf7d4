/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests as they come from the network, up to the answer: whatever is accepted can be answered
 * within its room, and the answer is well-formed. First byte: which port, and how much room.
 */
#include <stdlib.h>
#include <string.h>

#include "pxe/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An answer is a BOOTREPLY to this client whose options end with 255 inside of it. */
static void check_answer(const uint8_t *packet, size_t len, const struct rp_dhcp_request *request)
{
	size_t at = 240;

	if (len < 300 || packet[0] != 2 || memcmp(packet + 28, request->mac, 6) != 0)
		abort();
	if (packet[16] || packet[17] || packet[18] || packet[19])
		abort(); /* yiaddr: we hand out no addresses */
	while (at + 1 < len && packet[at] != 255)
		at += 2U + packet[at + 1];
	if (at >= len || packet[at] != 255)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const loaders[] = {"", "ipxe", "snponly", "undionly", "http", "?"};
	const struct in_addr self = {htonl(0x0a4d0001)};
	struct rp_pxe_answer policy = {.http_url = "http://10.77.0.1:8080/boot.efi"};
	struct rp_dhcp_request request;
	struct rp_dhcp_answer answer;
	struct rp_pxe_client client;
	enum rp_dhcp_flaw flaw = RP_DHCP_FLAW_NONE;
	enum rp_pxe_port port;
	const char *file;
	uint8_t *packet;
	size_t room;
	ssize_t n;

	if (!size)
		return 0;
	port = data[0] & 1 ? RP_PXE_PORT_BINL : RP_PXE_PORT_DHCP;
	room = 300 + 4U * (data[0] >> 1);
	if (rp_dhcp_parse(data + 1, size - 1, &request, &flaw) < 0) {
		if (flaw <= RP_DHCP_FLAW_NONE || flaw >= RP_DHCP_FLAW_MAX)
			abort();
		return 0;
	}
	if (rp_pxe_client_of(&request, port, self, &client) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(loaders) / sizeof(*loaders); i++) {
		file = rp_pxe_loader_file(loaders[i], &client);
		if (!file)
			continue;
		strcpy(policy.loader, file);
		if (rp_pxe_answer_of(&request, &client, &policy, self, &answer) < 0)
			continue;
		packet = malloc(room);
		n = rp_dhcp_build(&request, &answer, packet, room);
		if (n > (ssize_t)room)
			abort();
		if (n >= 0)
			check_answer(packet, (size_t)n, &request);
		free(packet);
	}
	return 0;
}
