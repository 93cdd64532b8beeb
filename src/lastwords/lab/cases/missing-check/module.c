// SPDX-License-Identifier: Apache-2.0
// Takes memory for many frames, says of each that it got none, and goes on as if it had.
#include "../lab.h"

#define FRAMES 128
#define FRAME_BYTES (4u << 20)

struct frame {
	u64 number;
	u64 length;
	u32 *pixels; /* at 0x10 */
};

static struct frame frames[FRAMES];

static keep_frame void get_frame(struct frame *frame, u64 number)
{
	frame->number = number;
	frame->length = FRAME_BYTES;
	frame->pixels = kmalloc(FRAME_BYTES, GFP_KERNEL);
	if (!frame->pixels && number % 16 == 0)
		pr_err("missing_check: no memory for frame %llu\n", number);
}

static keep_frame void mark_frame(struct frame *frame)
{
	WRITE_ONCE(frame->pixels[8], frame->number);
}

static keep_frame int start_grabbing(void)
{
	unsigned int i;

	for (i = 0; i < FRAMES; i++)
		get_frame(&frames[i], i);
	for (i = 0; i < FRAMES; i++)
		mark_frame(&frames[i]);
	return 0;
}

CRASH_ON_WRITE(start_grabbing);
