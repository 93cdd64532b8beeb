// SPDX-License-Identifier: Apache-2.0
// A label that is too long for its field runs over into the pointer behind it.
#include "../lab.h"

struct volume {
	char label[16];
	struct volume *parent;
	u64 blocks;
};

static const char *new_label = "backup-of-tuesday-evening";

static keep_frame void set_label(struct volume *volume, const char *label)
{
	char *to = volume->label;

	OPTIMIZER_HIDE_VAR(to);
	while (*label)
		*to++ = *label++;
}

static keep_frame u64 parent_blocks(struct volume *volume)
{
	return volume->parent->blocks;
}

static keep_frame int rename_volume(void)
{
	static struct volume root, volume = { .parent = &root };

	set_label(&volume, new_label);
	return parent_blocks(&volume) > 100;
}

CRASH_ON_WRITE(rename_volume);
