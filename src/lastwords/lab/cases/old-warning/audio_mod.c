// SPDX-License-Identifier: Apache-2.0
// Warns of a codec that answers late, and is right to.
#include "../lab.h"

static keep_frame int check_codec(unsigned int milliseconds)
{
	return WARN(milliseconds > 100, "codec answered after %u ms\n", milliseconds);
}

static int __init audio_mod_init(void)
{
	check_codec(180);
	return 0;
}

module_init(audio_mod_init);
MODULE_LICENSE("GPL");
