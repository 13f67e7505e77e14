//! The host: the stock newleaf binary, and the library that vendors embed.
