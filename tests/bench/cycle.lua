-- Sends the requests of a file in turn; prints one line of JSON at the end.
-- Arguments: the file, the number of requests in a block, how often each block is sent before the
-- next one, and "first" or "random" for the request to begin with. With a fifth argument responses
-- that are not 2xx are counted by status, which costs time: wrk then parses every response.
-- A line of the file: method, path, token, entity tag, body, separated by tabs.

local threads, cycle, turn = {}, {}, 0
local first, used = 1, 0
local block, uses
others = ""
local counts = {}

local function count(status)
  if status < 200 or status > 299 then
    counts[status] = (counts[status] or 0) + 1
    local parts = {}
    for code, number in pairs(counts) do table.insert(parts, '"' .. code .. '":' .. number) end
    others = table.concat(parts, ",")
  end
end

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  for line in io.lines(arguments[1]) do
    local method, path, token, tag, body = line:match("([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)")
    local headers = { Authorization = "Bearer " .. token }
    if tag ~= "" then headers["If-None-Match"] = tag end
    if body ~= "" then headers["Content-Type"] = "application/json" end
    table.insert(cycle, wrk.format(method, path, headers, body ~= "" and body or nil))
  end
  block, uses = tonumber(arguments[2]), tonumber(arguments[3])
  math.randomseed(os.time())
  if arguments[4] == "random" then turn = math.random(#cycle) end
  if arguments[5] then response = count end
end

function request()
  turn = turn + 1
  if turn >= first + block or turn > #cycle then
    used = used + 1
    if used >= uses then used, first = 0, first + block end
    if first > #cycle then first = 1 end
    turn = first
  end
  return cycle[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"failed":%d,"socket_errors":%d,"statuses":{%s}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout, threads[1]:get("others")))
end
