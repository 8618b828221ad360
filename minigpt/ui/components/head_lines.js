// The lines of one head: tokens on the left look at tokens on the right, opacity = weight. Of a
// long text one window is drawn, wherever it is scrolled to.

const [LEAST_STEP, MOST_STEP] = [20, 40] // pixels from token to token
const LEAST = 0.01 // of the scale: weaker lines are not drawn
const SHADES = 24 // of opacity: lines of one shade are one stroke

function linesPlan(weights, theme, width, most) {
  reader.font = theme.tokens
  const numbers = width >= 400
  const number = numbers ? reader.measureText(`${weights.first + weights.rows} `).width + 4 : 0
  const room = Math.min(width < 400 ? 84 : 150, (width - 80) / 2 - number)
  const names = weights.labels.map((name) => cut(reader, name, room))
  const widest = Math.max(...names.map((name) => reader.measureText(name).width))
  const side = Math.ceil(Math.max(widest + number, weights.lowest < 0 ? 62 : 0)) + 14
  const places = weights.rows - weights.lowest
  const step = Math.max(LEAST_STEP, Math.min(MOST_STEP, Math.floor((most - 4) / places)))
  const total = places * step + 4
  return {
    names, numbers, side, width, step, total,
    height: Math.min(total, most), left: side, right: width - side,
    middle: (index) => (index - weights.lowest + 0.5) * step + 2,
  }
}

// The lines from 1 % of the scale on, as columns of each row, found once for a map.
function strongOf(weights) {
  const least = LEAST * weights.highest
  return Array.from({ length: weights.rows }, (_, row) => {
    const columns = []
    for (let column = weights.lowest; column <= row; column++) {
      if (Math.abs(weights.at(row, column)) >= least) columns.push(column)
    }
    return columns
  })
}

// Which rows' lines are shown: of what is pointed at, else of what is kept, else all.
function looking(weights, kept, pointed) {
  if (pointed.row !== null) return [pointed.row]
  if (pointed.right !== null) {
    const first = Math.max(pointed.right, 0)
    return Array.from({ length: weights.rows - first }, (_, i) => first + i)
  }
  return kept.size ? [...kept] : null
}

function drawLines(context, weights, theme, plan, strong, scrolled, kept, pointed) {
  const rows = looking(weights, kept, pointed)
  const only = pointed.row === null ? pointed.right : null // one token that is looked at
  context.save()
  context.translate(0, -scrolled)
  const top = scrolled - plan.step, bottom = scrolled + plan.height + plan.step
  strokes(context, weights, theme, plan, strong, rows, only, top, bottom)
  const first = Math.max(weights.lowest, Math.floor(top / plan.step) + weights.lowest)
  for (let i = first; i < weights.rows && plan.middle(i) < bottom; i++) {
    const looked = only === null && rows ? weights.sum(rows, i) / rows.length : null
    const looks = only !== null && only <= i && i >= 0 ? weights.at(i, only) : null
    if (i >= 0) {
      const own = i === pointed.row || kept.has(i)
      drawToken(context, weights, theme, plan, i, "left", looks, own, kept.has(i))
    }
    const lit = i === (only ?? pointed.column)
    drawToken(context, weights, theme, plan, i, "right", looked, lit, false)
  }
  context.restore()
}

function strokes(context, weights, theme, plan, strong, rows, only, top, bottom) {
  const paths = new Map()
  const middleX = (plan.left + plan.right) / 2
  for (const row of rows ?? strong.keys()) {
    const from = plan.middle(row)
    if (from < top) continue // and all it looks at stands further up
    if (!rows && from > bottom) break // its lines would come from out of sight
    for (const column of strong[row]) {
      if (only !== null && column !== only) continue
      const to = plan.middle(column)
      if (to > bottom) continue
      const value = weights.at(row, column)
      const shade = Math.ceil((SHADES * Math.abs(value)) / weights.highest)
      const name = value < 0 ? -shade : shade
      if (!paths.has(name)) paths.set(name, new Path2D())
      const path = paths.get(name)
      path.moveTo(plan.left, from)
      path.bezierCurveTo(middleX, from, middleX, to, plan.right, to)
    }
  }
  context.lineWidth = 1.75
  const [minus, plus] = [css(theme.diverging[20]), css(theme.diverging[235])]
  for (const [shade, path] of paths) {
    context.globalAlpha = Math.min(1, Math.abs(shade) / SHADES)
    context.strokeStyle = weights.signed ? (shade < 0 ? minus : plus) : theme.accent
    context.stroke(path)
  }
  context.globalAlpha = 1
}

// A token on one side, shaded by its weight where it has one.
function drawToken(context, weights, theme, plan, index, where, value, lit, kept) {
  const y = plan.middle(index)
  const x = where === "left" ? 0 : plan.right
  const colors = weights.signed ? theme.diverging : theme.sequential
  let ground = null
  if (value !== null) ground = colors[level(weights, value)]
  if (ground) {
    context.fillStyle = css(ground)
    context.fillRect(x + 2, y - 9.5, plan.side - 4, 19)
  }
  if (lit) {
    context.strokeStyle = kept ? theme.accent : theme.ink
    context.lineWidth = 2
    context.strokeRect(x + 3, y - 9, plan.side - 6, 18)
  }
  const ink = ground ? readableOn(ground) : theme.ink
  context.textBaseline = "middle"
  context.font = theme.tokens
  context.fillStyle = ink
  const name = index < 0 ? "earlier" : plan.names[index]
  const inner = where === "left" ? plan.left - 8 : plan.right + 8
  context.textAlign = where === "left" ? "right" : "left"
  context.fillText(name, inner, y + 0.5)
  if (!plan.numbers || index < 0) return
  context.fillStyle = ground ? ink : theme.faint
  context.textAlign = where === "left" ? "left" : "right"
  const outer = where === "left" ? 6 : plan.width - 6
  context.fillText(String(weights.first + index + 1), outer, y + 0.5)
}

// The token under a point of the window: on the left, on the right, or none.
function tokenAt(plan, weights, x, y) {
  const index = Math.floor((y - 2) / plan.step) + weights.lowest
  if (index >= weights.rows || index < weights.lowest) return { row: null, right: null }
  if (x <= plan.left + 10) return { row: index >= 0 ? index : null, right: null }
  return { row: null, right: x >= plan.right - 10 ? index : null }
}

// The eight that get most of what is pointed at or kept; or that give most to one.
function strongest(weights, kept, pointed) {
  const rows = looking(weights, kept, pointed)
  if (!rows) return null
  const only = pointed.row === null ? pointed.right : null
  const places = only === null ? range(weights.lowest, Math.max(...rows) + 1) : rows
  const value = only === null ? (i) => weights.sum(rows, i) : (i) => weights.at(i, only)
  const found = places.map((index) => ({ index, value: value(index) }))
  found.sort((a, b) => Math.abs(b.value) - Math.abs(a.value) || a.index - b.index)
  return { rows, only, found: found.slice(0, 8) }
}

const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i)
