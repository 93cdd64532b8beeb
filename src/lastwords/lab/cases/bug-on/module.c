// SPDX-License-Identifier: Apache-2.0
// A BUG_ON() that somebody thought could never happen.
#include "../lab.h"

struct ring {
	unsigned int head;
	unsigned int tail;
	unsigned int size;
};

static keep_frame void check_ring(struct ring *ring)
{
	BUG_ON(ring->head - ring->tail > ring->size);
}

static keep_frame int push_entries(void)
{
	struct ring ring = { .head = 0, .tail = 0, .size = 8 };

	for (ring.head = 0; ring.head < 100; ring.head++)
		check_ring(&ring);
	return 0;
}

CRASH_ON_WRITE(push_entries);
