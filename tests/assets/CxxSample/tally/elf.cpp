#include "pch.h"

uint32_t tally::elf(const Bytes& bytes)
{
    uint32_t hash = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        hash = (hash << 4) + bytes.data[i];
        uint32_t high = hash & 0xF0000000;
        hash = (hash ^ high >> 24) & ~high;
    }

    return hash;
}
