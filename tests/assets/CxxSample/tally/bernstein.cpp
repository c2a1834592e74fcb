#include "pch.h"

uint32_t tally::bernstein(const Bytes& bytes)
{
    uint32_t hash = 5381;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        hash = hash * 33 + bytes.data[i];
    }

    return hash;
}
