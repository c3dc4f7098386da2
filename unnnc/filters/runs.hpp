// What the filters base64 and hex share: runs of text that encode bytes. There are three streams: the content around
// the runs, the places and forms of the runs, and the decoded bytes of all runs.
#pragma once

#include <algorithm>
#include <string>

#include "filters/filters.hpp"

namespace nncomp::unnnc::runs {

inline uint64_t memory(const std::vector<uint64_t>&, View, uint64_t size) { return 3 * size; }

// Joins the streams. `read(places)` reads a run: it has `size`, its decoded bytes; `length()`, the bytes of its text,
// called only if `size` bytes are there; and `write(payload, out)`, which returns the end of the text.
template <class Read>
Bytes join(const std::string& name, const std::vector<Bytes>& streams, uint64_t size, Read read) {
  Bytes content(size);
  uint8_t* out = content.data();
  View rest = streams[0], payload = streams[2];
  Fields places(streams[1], "damaged " + name + ": its places end too early");
  while (!places.empty()) {
    const uint64_t gap = places.varint();
    const auto run = read(places);
    const uint64_t room = uint64_t(content.data() + size - out);
    require(gap <= rest.size() && run.size <= payload.size() && gap <= room && run.length() <= room - gap,
            "damaged " + name + ": more than there is place for");
    out = std::copy_n(rest.begin(), gap, out);
    out = run.write(payload.first(run.size), out);
    rest = rest.subspan(gap);
    payload = payload.subspan(run.size);
  }
  require(payload.empty() && rest.size() == uint64_t(content.data() + size - out),
          "damaged " + name + ": it is not as long as it should be");
  std::copy(rest.begin(), rest.end(), out);
  return content;
}

}  // namespace nncomp::unnnc::runs
