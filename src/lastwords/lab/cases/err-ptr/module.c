// SPDX-License-Identifier: Apache-2.0
// A function that returns ERR_PTR() is checked for NULL only.
#include "../lab.h"

struct slots {
	u64 free;
	u64 used;
	u32 count;
};

static keep_frame struct slots *get_slots(size_t count)
{
	struct slots *slots;

	if (count > 64)
		return ERR_PTR(-ENOMEM);
	slots = kzalloc(sizeof(*slots), GFP_KERNEL);
	return slots ? slots : ERR_PTR(-ENOMEM);
}

static keep_frame int count_slots(void)
{
	struct slots *slots = get_slots(1000);
	int count;

	if (!slots)
		return -ENOMEM;
	count = READ_ONCE(slots->used);
	kfree(slots);
	return count > 64;
}

CRASH_ON_WRITE(count_slots);
