#include "pch.h"

uint32_t tally::crc16(const Bytes& bytes)
{
    uint32_t crc = 0xFFFF;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        crc ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++)
        {
            crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
        }
    }

    return crc;
}
