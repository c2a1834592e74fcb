#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <string>
#include <vector>

// Splits at each separator; an empty text has one empty part.
std::vector<std::string> Split(const std::string& text, char separator);

#endif
