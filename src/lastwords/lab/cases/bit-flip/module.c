// SPDX-License-Identifier: Apache-2.0
// One bit of a pointer in memory flips, as with bad RAM.
#include "../lab.h"

struct route {
	u64 prefix;
	u64 gateway;
};

struct neighbour {
	u64 id;
	u64 last_seen;
	struct route *route;
};

static keep_frame u64 gateway_of(struct neighbour *neighbour)
{
	return READ_ONCE(neighbour->route->gateway);
}

static keep_frame void flip_bit(void *memory, unsigned int bit)
{
	((u8 *)memory)[bit / 8] ^= 1 << bit % 8;
}

static keep_frame int find_gateway(void)
{
	struct neighbour *neighbour = kzalloc(sizeof(*neighbour), GFP_KERNEL);

	if (!neighbour)
		return -ENOMEM;
	neighbour->route = kzalloc(sizeof(*neighbour->route), GFP_KERNEL);
	if (!neighbour->route)
		return -ENOMEM;
	neighbour->route->gateway = 1;
	flip_bit(&neighbour->route, 41);
	return gateway_of(neighbour) ? 0 : -ENOENT;
}

CRASH_ON_WRITE(find_gateway);
