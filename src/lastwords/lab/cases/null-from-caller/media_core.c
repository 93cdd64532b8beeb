// SPDX-License-Identifier: Apache-2.0
// What all camera drivers share. By its documentation the format must be given: there is no mistake in it.
#include "../lab.h"

struct stream_format {
	u64 pixel_format;
	u32 width; /* at 0x8 */
	u32 height;
};

static keep_frame u64 stream_bytes(const struct stream_format *format)
{
	return 2ull * READ_ONCE(format->width) * READ_ONCE(format->height);
}

/**
 * start_stream() - begin to fill buffers with pictures
 * @format: of the pictures; never NULL
 * @buffers: how many
 */
keep_frame int start_stream(const struct stream_format *format, u32 buffers)
{
	u64 bytes = stream_bytes(format) * buffers;

	return bytes > 64 << 20 ? -ENOSPC : 0;
}
EXPORT_SYMBOL_GPL(start_stream);

MODULE_LICENSE("GPL");
