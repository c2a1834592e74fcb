#include "pch.h"

uint32_t tally::sdbm(const Bytes& bytes)
{
    uint32_t hash = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        hash = bytes.data[i] + (hash << 6) + (hash << 16) - hash;
    }

    return hash;
}
