// SPDX-License-Identifier: Apache-2.0
// Work is queued for an object that has lost its owner by then.
#include <linux/delay.h>
#include <linux/workqueue.h>
#include "../lab.h"

struct owner {
	u64 id;
	u64 credits;
};

struct object {
	struct work_struct work;
	struct owner *owner;
};

static struct object object;

static keep_frame void give_credit(struct object *object)
{
	object->owner->credits++;
}

static keep_frame void complete_object(struct work_struct *work)
{
	give_credit(container_of(work, struct object, work));
}

static int queue_object(void)
{
	INIT_WORK(&object.work, complete_object);
	schedule_work(&object.work);
	msleep(1000);
	return 0;
}

CRASH_ON_WRITE(queue_object);
