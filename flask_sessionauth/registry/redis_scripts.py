"""What `RedisRegistry` has the server do in one step. The head of a row's bytes is described in `packing`.

The owner's index, a sorted set, has what is particular to each row's key, and when the row is forgotten. The server
drops a row then; who next adds or replaces one of the owner's drops it from the index.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Script:
    """A script, and its name on a server that has it already."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())


# The index lives as long as the row that lives longest.
_KEEP = r"""
local function keep(row, index, member, bytes, forget_at)
  redis.call('SET', row, bytes)
  redis.call('PEXPIREAT', row, forget_at)
  redis.call('ZADD', index, forget_at, member)
  local now = redis.call('TIME')
  local milliseconds = now[1] .. string.format('%03d', math.floor(now[2] / 1000))
  redis.call('ZREMRANGEBYSCORE', index, '-inf', '(' .. milliseconds)
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  if last[2] then
    redis.call('PEXPIREAT', index, last[2])
  end
end
"""

#: Keys: the row's, the index. Arguments: the index's member, the row's bytes, when to forget it.
#: 1, also where this very write has been here before; 0 if there is another row.
ADD = Script(
    _KEEP
    + r"""
local there = redis.call('GET', KEYS[1])
if there then
  return there == ARGV[2] and 1 or 0
end
keep(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3])
return 1
"""
)

#: Keys and arguments as above, and the bytes of the version to replace.
#: 1, also where this very write has been here before; 0 if there is no row of that version.
REPLACE = Script(
    _KEEP
    + r"""
local there = redis.call('GET', KEYS[1])
if not there or there == ARGV[2] then
  return there and 1 or 0
end
local format = string.byte(there)
if format ~= 1 and format ~= 2 or string.sub(there, 2, 5) ~= ARGV[4] then
  return 0
end
keep(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3])
return 1
"""
)

#: Key: the index. Argument: what all keys of the owner's rows begin with. Members and bytes of the rows, in turn.
OF_OWNER = Script(
    r"""
local rows = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local there = redis.call('GET', ARGV[1] .. member)
  if there then
    rows[#rows + 1] = member
    rows[#rows + 1] = there
  else
    redis.call('ZREM', KEYS[1], member)
  end
end
return rows
"""
)

#: Key: the index. Arguments: what all keys of the owner's rows begin with, the key of the row that goes on, the mark,
#: and the bytes that say when and why. How many rows have ended, those of this very write included.
END = Script(
    r"""
local ended = 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local row = ARGV[1] .. member
  local there = redis.call('GET', row)
  local format = there and string.byte(there)
  if not there then
    redis.call('ZREM', KEYS[1], member)
  elseif format == 1 and row ~= ARGV[2] then
    local version = struct.pack('>I4', struct.unpack('>I4', there, 2) + 1)
    redis.call('SET', row, '\2' .. version .. ARGV[3] .. ARGV[4] .. string.sub(there, 10), 'KEEPTTL')
    ended = ended + 1
  elseif format == 2 and string.sub(there, 6, 9) == ARGV[3] then
    ended = ended + 1
  end
end
return ended
"""
)

#: Key: the index. Arguments: what all keys of the owner's rows begin with, and a time.
#: How many rows there were that were to be forgotten before it.
FORGET = Script(
    r"""
local forgotten = 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[2])) do
  forgotten = forgotten + redis.call('DEL', ARGV[1] .. member)
  redis.call('ZREM', KEYS[1], member)
end
return forgotten
"""
)
