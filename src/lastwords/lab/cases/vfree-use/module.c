// SPDX-License-Identifier: Apache-2.0
// A log in vmalloc memory is read after it was freed.
#include <linux/vmalloc.h>
#include "../lab.h"

struct event_log {
	u64 count;
	u64 entries[2000];
};

static keep_frame u64 last_event(struct event_log *log)
{
	return READ_ONCE(log->entries[log->count]);
}

static keep_frame int drop_log(void)
{
	struct event_log *log = vzalloc(sizeof(*log));

	if (!log)
		return -ENOMEM;
	vfree(log);
	OPTIMIZER_HIDE_VAR(log);
	vm_unmap_aliases();
	return last_event(log) ? -EBUSY : 0;
}

CRASH_ON_WRITE(drop_log);
