// SPDX-License-Identifier: Apache-2.0
// Prints labels. A text that is too long for its label runs over into whatever object lies behind it.
#include "../lab.h"

extern int add_parcel(u32 number); /* of parcel_index */

struct label {
	void (*print)(struct label *label);
	struct label *next;
	char text[80];
};

static struct label *printed;

static void print_label(struct label *label)
{
	pr_info("label_printer: %.80s\n", label->text);
}

static keep_frame void set_text(struct label *label, const char *text)
{
	char *to = label->text;

	OPTIMIZER_HIDE_VAR(to);
	while (*text)
		*to++ = *text++;
}

static keep_frame int new_label(const char *text)
{
	struct label *label = kzalloc(sizeof(*label), GFP_KERNEL);

	if (!label)
		return -ENOMEM;
	label->print = print_label;
	label->next = printed;
	printed = label;
	set_text(label, text);
	return 0;
}

/* Labels and parcels come in turn, so that they lie beside each other in kmalloc-96. */
static keep_frame int print_batch(void)
{
	int number, err = 0;

	for (number = 0; number < 200 && !err; number++) {
		err = add_parcel(number);
		if (!err && number > 120 && number % 8 == 0)
			err = new_label("Central Library, Reading Room 4, 12 Old Harbour Street, 2nd floor (please ring at the side-door)");
		else if (!err)
			err = new_label("Town Hall");
	}
	return err;
}

CRASH_ON_WRITE(print_batch);
