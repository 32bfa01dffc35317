/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/announce.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <string.h>

enum {
    BYTES = 60, /* the least that a wire carries, without its checksum */
};

static void
write_request(uint8_t bytes[BYTES], const uint8_t mac[6])
{
    struct ether_header header = {.ether_type = htons(ETHERTYPE_REVARP)};
    struct ether_arp request = {
        .ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
                   .ar_pro = htons(ETHERTYPE_IP),
                   .ar_hln = ETH_ALEN,
                   .ar_pln = sizeof(struct in_addr),
                   .ar_op = htons(ARPOP_RREQUEST)},
    };

    memset(header.ether_dhost, 0xff, ETH_ALEN);
    memcpy(header.ether_shost, mac, ETH_ALEN);
    memcpy(request.arp_sha, mac, ETH_ALEN);
    memcpy(request.arp_tha, mac, ETH_ALEN);
    memset(bytes, 0, BYTES);
    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + sizeof(header), &request, sizeof(request));
}

void
xk_announce(struct xk_port *port, const uint8_t mac[6])
{
    uint8_t bytes[BYTES];
    const struct xk_frame frame = {.bytes = bytes, .length = BYTES};

    write_request(bytes, mac);
    (void)xk_port_send(port, 0, &frame);
}
