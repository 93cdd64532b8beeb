// SPDX-License-Identifier: Apache-2.0
// An optional callback is called without a look whether there is one.
#include "../lab.h"

struct codec_operations {
	int (*open)(int channel);
	int (*flush)(int channel);
};

static int open_channel(int channel)
{
	return 0;
}

static struct codec_operations operations = { .open = open_channel };

static keep_frame int flush_codec(struct codec_operations *codec)
{
	int err = codec->open(1);

	if (!err)
		err = codec->flush(1);
	return err + 1;
}

static keep_frame int close_codec(void)
{
	int err = flush_codec(&operations);

	return err < 0 ? err : 0;
}

CRASH_ON_WRITE(close_codec);
