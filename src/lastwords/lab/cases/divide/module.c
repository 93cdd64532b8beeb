// SPDX-License-Identifier: Apache-2.0
// A divisor comes from a table that has a zero in it.
#include "../lab.h"

static unsigned int channels_of_mode[] = { 2, 4, 0 };

static keep_frame unsigned int frame_size(unsigned int mode)
{
	return 4096 / READ_ONCE(channels_of_mode[mode]);
}

static keep_frame int set_modes(void)
{
	unsigned int mode, bytes = 0;

	for (mode = 0; mode < ARRAY_SIZE(channels_of_mode); mode++)
		bytes += frame_size(mode);
	return bytes ? 0 : -EINVAL;
}

CRASH_ON_WRITE(set_modes);
