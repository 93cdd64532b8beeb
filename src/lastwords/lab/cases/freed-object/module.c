// SPDX-License-Identifier: Apache-2.0
// An object is used after it was freed. Nothing poisons it: the allocator has its own, encoded pointer in it by then.
#include "../lab.h"

struct flow {
	u64 id;
	u64 packets;
	u64 bytes;
	u64 mark;
	struct flow *reverse; /* at 0x20, where SLUB links the free objects of 64 bytes */
	u64 unused[3];
};

static keep_frame u64 reverse_packets(struct flow *flow)
{
	return READ_ONCE(flow->reverse->packets);
}

static keep_frame int expire_flow(void)
{
	struct flow *flow = kzalloc(sizeof(*flow), GFP_KERNEL);

	if (!flow)
		return -ENOMEM;
	flow->reverse = flow;
	kfree(flow);
	OPTIMIZER_HIDE_VAR(flow);
	return reverse_packets(flow) ? 0 : -ENOENT;
}

CRASH_ON_WRITE(expire_flow);
