#ifndef LIB_STOCK_H
#define LIB_STOCK_H

#include <map>
#include <string>

// Adds up lines of the form "name,count"; throws std::invalid_argument for any other.
std::map<std::string, int> CountStock(const std::string& lines);

#endif
