#include "pch.h"
#include "tables.h"

uint32_t tally::pearson(const Bytes& bytes)
{
    uint32_t hash = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        hash = pearson_table[hash ^ bytes.data[i]];
    }

    return hash;
}
