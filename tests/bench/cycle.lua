-- Sends the requests of a file in turn; at the end one line of JSON.
-- A line of the file: method, path, token, body, separated by tabs. With a second argument the
-- answers that are not 2xx are counted by status, which costs time: wrk then parses every answer.

local threads, cycle, turn = {}, {}, 0
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
    local method, path, token, body = line:match("([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)")
    local headers = { Authorization = "Bearer " .. token }
    if body ~= "" then headers["Content-Type"] = "application/json" end
    table.insert(cycle, wrk.format(method, path, headers, body ~= "" and body or nil))
  end
  math.randomseed(os.time())
  turn = math.random(#cycle)
  if arguments[2] then response = count end
end

function request()
  turn = turn % #cycle + 1
  return cycle[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"failed":%d,"socket_errors":%d,"statuses":{%s}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout, threads[1]:get("others")))
end
