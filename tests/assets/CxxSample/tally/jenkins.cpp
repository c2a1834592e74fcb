#include "pch.h"

uint32_t tally::jenkins(const Bytes& bytes)
{
    uint32_t hash = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        hash += bytes.data[i];
        hash += hash << 10;
        hash ^= hash >> 6;
    }

    hash += hash << 3;
    hash ^= hash >> 11;
    return hash + (hash << 15);
}
