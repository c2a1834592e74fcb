#include "pch.h"

uint32_t tally::matrix_power(const Bytes& bytes)
{
    // The matrix (1 1; 1 0) to the power of the number of bytes plus their first, modulo 2^32.
    uint32_t m[4] = {1, 1, 1, 0}, r[4] = {1, 0, 0, 1};
    for (uint32_t power = bytes.size + (bytes.size > 0 ? bytes.data[0] : 0); power > 0; power /= 2)
    {
        if (power % 2 == 1)
        {
            uint32_t t[4] = {r[0] * m[0] + r[1] * m[2], r[0] * m[1] + r[1] * m[3], r[2] * m[0] + r[3] * m[2], r[2] * m[1] + r[3] * m[3]};
            r[0] = t[0], r[1] = t[1], r[2] = t[2], r[3] = t[3];
        }

        uint32_t s[4] = {m[0] * m[0] + m[1] * m[2], m[0] * m[1] + m[1] * m[3], m[2] * m[0] + m[3] * m[2], m[2] * m[1] + m[3] * m[3]};
        m[0] = s[0], m[1] = s[1], m[2] = s[2], m[3] = s[3];
    }

    return r[1];
}
