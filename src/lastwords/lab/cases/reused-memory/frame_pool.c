// SPDX-License-Identifier: Apache-2.0
// Keeps frames on a list and sends them now and then. There is no mistake in it.
#include <linux/workqueue.h>
#include "../lab.h"

struct frame {
	u64 id;
	u64 length;
	struct frame *next; /* at 0x10, where a session has last_seen */
	u64 unused[5];
};

static struct frame *frames;
static DEFINE_MUTEX(frames_lock);
static struct delayed_work send_work;

int add_frame(u32 length)
{
	struct frame *frame = kzalloc(sizeof(*frame), GFP_KERNEL);

	if (!frame)
		return -ENOMEM;
	frame->length = length;
	mutex_lock(&frames_lock);
	frame->next = frames;
	frames = frame;
	mutex_unlock(&frames_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(add_frame);

static keep_frame u64 count_bytes(struct frame *frame)
{
	u64 bytes = 0;

	for (; frame; frame = frame->next)
		bytes += READ_ONCE(frame->length);
	return bytes;
}

static keep_frame void send_frames(struct work_struct *work)
{
	u64 bytes;

	mutex_lock(&frames_lock);
	bytes = count_bytes(frames);
	mutex_unlock(&frames_lock);
	pr_info("frame_pool: %llu bytes to send\n", bytes);
	schedule_delayed_work(&send_work, HZ);
}

static int __init frame_pool_init(void)
{
	INIT_DELAYED_WORK(&send_work, send_frames);
	schedule_delayed_work(&send_work, HZ);
	return 0;
}

module_init(frame_pool_init);
MODULE_LICENSE("GPL");
