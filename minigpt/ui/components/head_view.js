// One head, large: its map and its lines, which point at the same token and keep the same ones.

const MOST_WINDOW = 600, SMALL_WINDOW = 460 // pixels of the lines' height, wide and on a phone
const HEADS = 22 // pixels above the lines, for what the sides are called
const MOST_KEPT = 20
const HINT =
  "The stronger a line, the higher its weight; under 1 % of the scale there is none. Point at a " +
  "token to see its lines alone, click to keep it."
const CHANGES = ": the largest differences"
const POINT = "Arrow keys point."
const KEYS = `${POINT} Enter keeps a token, Escape lets all go.`
const NOTHING = { row: null, column: null, right: null }
const views = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".view")
  if (!views.has(root)) views.set(root, headView(root))
  const view = views.get(root)
  view.update(data, themeOf(parentElement), (kept) => setTriggerValue("kept", kept))
  return view.end
}

function headView(root) {
  const find = (name) => root.querySelector(name)
  const [map, lines, tip, window_] = [find(".map"), find(".lines"), find(".tip"), find(".window")]
  const [mapCanvas, linesCanvas] = [find(".map canvas"), find(".lines canvas")]
  const base = document.createElement("canvas") // the map without what is pointed at
  let weights, theme, strong, mapAt, linesAt, tell
  let width = 0, pointed = NOTHING, kept = new Set(), frame = 0, asked = []

  function update(data, colors, onKept) {
    const moved = weights?.rows !== data.rows || weights.first !== data.first
    weights = weightsOf(data)
    ;[theme, tell] = [colors, onKept]
    strong = strongOf(weights)
    adopt(data.kept.map((token) => token - data.first))
    find("h4").textContent = data.title
    map.hidden = data.parts === "lines"
    lines.hidden = data.parts === "map"
    root.classList.toggle("alone", lines.hidden)
    const words = `${data.title}: attention over ${count(data.rows)} tokens.`
    map.setAttribute("aria-label", `${words} Map: rows look, columns are looked at. ${lines.hidden ? POINT : KEYS}`)
    window_.setAttribute("aria-label", `${words} Lines to what each token looks at. ${KEYS}`)
    lay()
    show(moved ? NOTHING : pointed) // of another moment, the same token
  }

  // What is kept comes back after every click; an answer to an older click changes nothing.
  function adopt(rows) {
    const at = asked.indexOf(String(rows))
    asked = at < 0 ? asked : asked.slice(at + 1)
    if (!asked.length) kept = new Set(rows)
  }

  function lay() {
    width = root.clientWidth
    if (!width || !weights) return
    const both = weights.parts === "both"
    const wide = both && width >= 860
    root.classList.toggle("wide", wide)
    const mapWidth = wide ? Math.min(640, 0.56 * width) : Math.min(640, width)
    mapAt = mapPlan(weights, theme, mapWidth)
    const most = width < 520 ? SMALL_WINDOW : wide ? Math.max(mapAt.height - 170, 420) : MOST_WINDOW
    const linesWidth = wide ? width - mapWidth - 32 : Math.min(width, 640)
    linesAt = linesPlan(weights, theme, linesWidth, most)
    map.style.width = wide ? `${mapWidth}px` : ""
    lines.style.width = `${linesWidth}px`
    window_.style.height = `${linesAt.height}px`
    find(".paper").style.height = `${linesAt.total}px`
    const bar = lines.hidden ? 0 : linesWidth - window_.clientWidth // what scrolls takes its room
    if (bar > 0) linesAt = linesPlan(weights, theme, linesWidth - bar, most)
    find(".heads").style.paddingRight = `${bar}px`
    const scale = window.devicePixelRatio || 1
    if (!map.hidden) drawMap(sized(base, mapAt.width, mapAt.height), weights, theme, mapAt, scale)
    draw()
  }

  function draw() {
    if (!frame) frame = requestAnimationFrame(paintAll)
  }

  function paintAll() {
    frame = 0
    paintLines()
    if (map.hidden) return
    const context = sized(mapCanvas, mapAt.width, mapAt.height)
    context.drawImage(base, 0, 0, mapAt.width, mapAt.height)
    const { row, column, right } = pointed
    drawOverMap(context, weights, theme, mapAt, kept, { row, column: column ?? right })
  }

  function paintLines() {
    if (lines.hidden) return
    const context = sized(linesCanvas, linesAt.width, linesAt.height)
    drawLines(context, weights, theme, linesAt, strong, window_.scrollTop, kept, pointed)
  }

  function point(next, from) {
    const { row, column, right } = { ...NOTHING, ...next }
    if (row === pointed.row && column === pointed.column && right === pointed.right) return
    if (from !== "lines" && row !== null) reveal(row)
    show({ row, column, right })
  }

  // Draws and tells what is pointed at and kept.
  function show(next) {
    pointed = next
    const { row, column } = pointed
    const parts = row !== null && column !== null ? told(weights, row, column) : []
    if (width) draw()
    list()
    hint(parts)
    find(".clear").disabled = !kept.size
    find(".told").textContent = parts.length ? spoken(parts) : aloud()
  }

  function hint(parts) {
    tip.hidden = !parts.length
    if (tip.hidden) return
    write(tip, parts)
    const x = mapAt.left + (pointed.column + 0.5) * mapAt.cell
    const y = mapAt.top + (pointed.row + 1) * mapAt.cell + 10
    const [wide, high] = [tip.offsetWidth, tip.offsetHeight]
    tip.style.left = `${Math.max(0, Math.min(x - wide / 2, map.clientWidth - wide))}px`
    tip.style.top = `${y + high < mapAt.height ? y : y - mapAt.cell - high - 20}px`
  }

  // Scrolls the lines so that a token stands in their window.
  function reveal(index) {
    const { height, step } = linesAt
    const y = linesAt.middle(index)
    const below = y - window_.scrollTop
    if (below < step || below > height - step) window_.scrollTop = y - height / 2
  }

  // The numbers of what is pointed at or kept.
  function list() {
    const found = strongest(weights, kept, pointed)
    const items = find("ol").children
    write(find(".about"), found ? heading(found) : [HINT])
    for (let i = 0; i < 8; i++) {
      const one = found?.found[i]
      items[i].style.visibility = one ? "visible" : "hidden"
      if (!one) continue
      const many = found.only === null ? found.rows.length : 1
      write(items[i].children[0], named(weights, one.index))
      const sum = many > 1 && weights.kind === "share" ? `${one.value.toFixed(2)} of ${many}` : ""
      items[i].children[1].textContent = sum || shown(weights, one.value)
    }
  }

  // What the list says first, in one sentence.
  function aloud() {
    const items = [...find("ol").children].slice(0, 3)
    const seen = items.filter((item) => item.style.visibility === "visible")
    const most = seen.map((item) => [...item.children].map((part) => part.textContent).join(" "))
    return find(".about").textContent + (most.length ? `: ${most.join(", ")}` : "")
  }

  function heading({ rows, only }) {
    const one = named(weights, only ?? rows[0])
    if (only !== null) return [...one, " is looked at", weights.signed ? CHANGES : " most by"]
    if (rows.length > 1) {
      const what = weights.kind === "share" ? "' attention" : `: ${weights.unit}`
      return [`Sum of ${rows.length} tokens${what}`]
    }
    if (weights.signed) return [...one, " looks", CHANGES]
    return [...one, strong[rows[0]].length ? " looks at" : " looks at, each under 1 % of the scale"]
  }

  function toggle(row) {
    if (row === null || lines.hidden) return // what is kept is kept for its lines
    if (!kept.has(row) && kept.size >= MOST_KEPT) {
      write(find(".about"), [`At most ${MOST_KEPT} tokens are kept: let one go first.`])
      return
    }
    kept.delete(row) || kept.add(row)
    send()
  }

  function clear() {
    if (!kept.size || lines.hidden) return
    kept.clear()
    send()
  }

  function send() {
    const rows = [...kept].sort((a, b) => a - b)
    kept = new Set(rows)
    asked.push(String(rows))
    tell(rows.map((row) => row + weights.first))
    show(pointed)
  }

  function inside(event, canvas) {
    const box = canvas.getBoundingClientRect()
    return [event.clientX - box.left, event.clientY - box.top]
  }

  const cell = (event) => cellAt(mapAt, weights, ...inside(event, mapCanvas))

  function token(event) {
    const [x, y] = inside(event, linesCanvas)
    return tokenAt(linesAt, weights, x, y + window_.scrollTop)
  }

  function keys(event, across) {
    const last = weights.rows - 1
    const row = pointed.row ?? last
    const to = {
      ArrowUp: Math.max(0, pointed.row === null ? last : row - 1),
      ArrowDown: Math.min(last, row + 1),
      Home: 0,
      End: last,
    }[event.key]
    const step = across ? { ArrowLeft: -1, ArrowRight: 1 }[event.key] : undefined
    if (to !== undefined) {
      const column = across ? Math.min(pointed.column ?? to, to) : null
      point({ row: to, column }, "keys")
    } else if (step) {
      const column = (pointed.column ?? row) + step
      point({ row, column: Math.max(weights.lowest, Math.min(row, column)) }, "keys")
    } else if (event.key === "Enter" || event.key === " ") toggle(pointed.row)
    else if (event.key === "Escape") {
      clear()
      point(NOTHING, "keys")
    } else return
    event.preventDefault()
    event.stopPropagation()
  }

  function picture() {
    const parts = [map.hidden ? null : mapAt, lines.hidden ? null : linesAt].filter(Boolean)
    const canvas = document.createElement("canvas")
    const wide = parts.reduce((sum, part) => sum + part.width + 24, 8)
    const high = Math.max(...parts.map((part) => part.height)) + HEADS + 60
    const context = sized(canvas, wide, high, 2)
    context.fillStyle = theme.page
    context.fillRect(0, 0, wide, high)
    context.fillStyle = theme.ink
    context.font = theme.words.replace(`${SMALLEST}px`, "600 16px")
    context.fillText(weights.title, 16, 28)
    context.translate(16, 44)
    if (!map.hidden) {
      drawMap(context, weights, theme, mapAt, 2)
      drawOverMap(context, weights, theme, mapAt, kept, NOTHING)
      context.translate(mapAt.width + 24, 0)
    }
    if (!lines.hidden) {
      context.font = theme.words
      context.fillStyle = theme.faint
      context.fillText("this token looks …", 0, 14)
      context.textAlign = "right"
      context.fillText("… at this token", linesAt.width, 14)
      context.translate(0, HEADS)
      context.beginPath()
      context.rect(0, 0, linesAt.width, linesAt.height)
      context.clip()
      drawLines(context, weights, theme, linesAt, strong, window_.scrollTop, kept, NOTHING)
    }
    saveAs(canvas, weights.file)
  }

  const leave = (event) => event.pointerType === "mouse" && point(NOTHING, "mouse")
  mapCanvas.onpointermove = mapCanvas.onpointerdown = (event) => point(cell(event), "map")
  linesCanvas.onpointermove = linesCanvas.onpointerdown = (event) => point(token(event), "lines")
  map.onpointerleave = window_.onpointerleave = leave
  mapCanvas.onclick = (event) => toggle(cell(event).row)
  linesCanvas.onclick = (event) => toggle(token(event).row)
  map.onkeydown = (event) => keys(event, true)
  window_.onkeydown = (event) => keys(event, false)
  window_.onscroll = () => requestAnimationFrame(paintLines)
  find(".clear").onclick = clear
  find(".png").onclick = picture
  for (let i = 0; i < 8; i++) {
    const item = document.createElement("li")
    item.append(document.createElement("span"), document.createElement("b"))
    find("ol").append(item)
  }
  const watch = new ResizeObserver(() => root.clientWidth !== width && lay())
  watch.observe(root)
  document.fonts.addEventListener("loadingdone", lay) // letters have other widths then
  return {
    update,
    end() {
      watch.disconnect()
      document.fonts.removeEventListener("loadingdone", lay)
    },
  }
}
