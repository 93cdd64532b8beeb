// SPDX-License-Identifier: Apache-2.0
#include "../lab.h"

struct frame {
	char *data;
	u64 length;
};

static keep_frame void drop_frame(struct frame *frame)
{
	kfree(frame->data); /* advanced past the header */
}

static keep_frame int parse(void)
{
	static struct frame frame;
	frame.data = kzalloc(256, GFP_KERNEL);
	if (!frame.data)
		return -ENOMEM;
	frame.data += 20;
	drop_frame(&frame);
	return 0;
}

CRASH_ON_WRITE(parse);
