# Draws the picture of README.md from the figures of docs/benchmarks.md:
#
#   awk -f docs/cost.awk docs/benchmarks.md > docs/cost.svg
#
# `.ci/run links` checks that the picture is what this makes of the figures.

# Returns a duration such as "1.37 ms [1.56 kB]" in microseconds, or 0 if there is none.
function microseconds(cell,    words) {
    if (split(cell, words, " ") < 2) return 0
    return words[1] * (words[2] == "s" ? 1e6 : words[2] == "ms" ? 1e3 : 1)
}
function log10(x) { return log(x) / log(10) }
# Positions: 1 to 1,000,000 members, and 100 us to 1 s.
function x(members) { return 70 + 460 * (log10(members) - log10(2)) / (6 - log10(2)) }
function y(time) { return 300 - 250 * (log10(time) - 2) / 4 }

function line(name, colour, column,    i, points, members, time, last) {
    for (i = 1; i <= sizes; i++) {
        members = size[i]; time = cell[i, column]
        if (!time) continue
        points = points sprintf(" %.1f,%.1f", x(members), y(time))
        marks = marks sprintf("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x(members), y(time), colour)
        last = i
    }
    printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", substr(points, 2), colour
    printf "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\" font-weight=\"bold\">%s</text>\n", \
        x(size[last]) + 8, y(cell[last, column]) + 4, colour, name
}

/measured in one run/ && match($0, /[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]\. /) { date = substr($0, RSTART, 10) }
/^### / { here = $2 == "process_update_commit_warm" }
here && /^\| [0-9]/ {
    split($0, cells, / *\| */)
    sizes++
    gsub(/,/, "", cells[2])
    size[sizes] = cells[2] + 0
    # Columns of the table: 3 is Pando, 5 OpenMLS and 6 mls-rs, all with RustCrypto.
    for (column = 3; column <= 6; column++) cell[sizes, column] = microseconds(cells[column])
}
END {
    if (sizes < 6 || date == "") { print "the figures have moved" > "/dev/stderr"; exit 1 }
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"400\" viewBox=\"0 0 640 400\" role=\"img\"" \
        " font-family=\"sans-serif\" font-size=\"12\">"
    print "<title>Time to process a Commit, by the number of members</title>"
    print "<desc>OpenMLS and mls-rs take a time in proportion to the group; Pando takes about the same in any.</desc>"
    print "<rect width=\"640\" height=\"400\" fill=\"#ffffff\"/>"
    print "<text x=\"70\" y=\"24\" font-size=\"15\" font-weight=\"bold\">Processing a Commit that updates a member</text>"
    print "<g stroke=\"#dddddd\">"
    for (i = 2; i <= 6; i++) printf "<path d=\"M70 %.1fH530\"/>\n", y(10 ^ i)
    for (i = 1; i <= 6; i++) printf "<path d=\"M%.1f 50V300\"/>\n", x(10 ^ i)
    print "</g>"
    print "<g fill=\"#555555\" text-anchor=\"end\">"
    split("100 µs|1 ms|10 ms|100 ms|1 s", labels, "|")
    for (i = 2; i <= 6; i++) printf "<text x=\"62\" y=\"%.1f\">%s</text>\n", y(10 ^ i) + 4, labels[i - 1]
    print "</g>"
    print "<g fill=\"#555555\" text-anchor=\"middle\">"
    split("10|100|1,000|10,000|100,000|1,000,000", labels, "|")
    for (i = 1; i <= 6; i++) printf "<text x=\"%.1f\" y=\"318\">%s</text>\n", x(10 ^ i), labels[i]
    print "<text x=\"300\" y=\"338\">members of the group</text>"
    print "</g>"
    line("OpenMLS", "#b35900", 5)
    line("mls-rs", "#1f5fa8", 6)
    line("Pando", "#1b7a3d", 3)
    printf "%s", marks
    print "<g fill=\"#555555\" font-size=\"11\">"
    printf "<text x=\"70\" y=\"362\">RustCrypto, cipher suite 1, no blank parents in the tree. One machine, %s;</text>\n", date
    print "<text x=\"70\" y=\"377\">1,000,000 members in a run of their own. OpenMLS writes to its store in memory, too.</text>"
    print "<text x=\"70\" y=\"392\">Both axes are logarithmic. Figures: docs/benchmarks.md</text>"
    print "</g>"
    print "</svg>"
}
