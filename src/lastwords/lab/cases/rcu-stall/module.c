// SPDX-License-Identifier: Apache-2.0
// A walk over a list that was linked to itself never leaves its RCU read section.
#include <linux/rcupdate.h>
#include "../lab.h"

struct route {
	struct route __rcu *next;
	u32 prefix;
};

static struct route loop;

static keep_frame u32 find_route(u32 prefix)
{
	struct route *route;
	u32 found = 0;

	rcu_read_lock();
	preempt_disable();
	for (route = rcu_dereference(loop.next); route; route = rcu_dereference(route->next))
		if (route->prefix == prefix)
			found = prefix;
	preempt_enable();
	rcu_read_unlock();
	return found;
}

static keep_frame int resolve(void)
{
	RCU_INIT_POINTER(loop.next, &loop);
	return find_route(10) ? 0 : -ENOENT;
}

CRASH_ON_WRITE(resolve);
