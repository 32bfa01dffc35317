/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/facts.h"

#include "base/number.h"

void
xk_fact_put_json(struct xk_json_writer *writer, const struct xk_fact *fact)
{
    int64_t number;

    if (fact->number &&
        xk_parse_i64(fact->value, INT64_MIN, INT64_MAX, &number))
        xk_json_put_integer(writer, fact->key, number);
    else
        xk_json_put_string(writer, fact->key, fact->value);
}
