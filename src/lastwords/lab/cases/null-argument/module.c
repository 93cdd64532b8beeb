// SPDX-License-Identifier: Apache-2.0
// A caller hands down a pointer that is still NULL; two functions further down it is followed.
#include "../lab.h"

struct channel {
	u64 number;
	u64 frames;
};

struct sound_card {
	char name[24];
	struct channel *playback;
	struct channel *capture; /* at 0x20 */
};

static keep_frame u64 frames_of(struct channel *channel)
{
	return READ_ONCE(channel->frames);
}

static keep_frame u64 frames_in_bytes(u64 width, struct channel *channel)
{
	u64 frames = frames_of(channel);

	return frames * width;
}

static keep_frame u64 start_card(struct sound_card *card)
{
	u64 bytes = frames_in_bytes(4, card->playback);

	return bytes + frames_in_bytes(2, card->capture);
}

static keep_frame int resume_card(void)
{
	static struct channel playback = { .number = 1 };
	static struct sound_card card = { .name = "lab", .playback = &playback };

	return start_card(&card) > 100;
}

CRASH_ON_WRITE(resume_card);
