#include "pch.h"

uint32_t tally::fnv1a(const Bytes& bytes)
{
    uint32_t hash = 2166136261;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        hash = (hash ^ bytes.data[i]) * 16777619;
    }

    return hash;
}
