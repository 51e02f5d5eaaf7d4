/* SPDX-License-Identifier: Apache-2.0 */
/* From evhttp's form of a request into ours, to its handler, and the answer back. */
#ifndef RP_SERVER_HTTP_DISPATCH_H
#define RP_SERVER_HTTP_DISPATCH_H

struct evhttp_request;

/* evhttp's callback for every well-formed request; config is a struct rp_https_config. */
void rp_dispatch(struct evhttp_request *request, void *config);

#endif
