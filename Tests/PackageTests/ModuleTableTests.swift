import Testing

@Suite("The table of modules") struct ModuleTableTests {
    @Test("what modules import, what the table of CONTRIBUTING.md says and what Package.swift allows are the same")
    func repository() throws {
        let table = ModuleTable(try Repository.text("CONTRIBUTING.md"))
        let sources = try Repository.imports()
        #expect(table.rows.count > 10 && sources.count > 10)
        #expect(table.complaints(sources: sources, dependencies: try Repository.dependencies()) == [])
    }

    static let table = ModuleTable(
        """
        | target | holds | imports | from outside |
        |---|---|---|---|
        | `A`, `B` | words | – | – |
        | `C` | more words | A, B | Yams |
        | `tool` | the rest | all | – |

        | `D` | another table | – | – |
        """)
    static let sources: [String: Set<String>] = [
        "A": ["Foundation"], "B": [], "C": ["A", "B", "Yams"], "tool": ["C", "Glibc"],
    ]

    @Test(
        "every difference is told",
        arguments: [
            ("B", Set(["A"]), ["B imports A, the table does not", "B imports A, which does not stand above it"]),
            ("A", ["C"], ["A imports C, the table does not", "A imports C, which does not stand above it"]),
            ("C", ["A"], ["C does not import B, the table does"]),
            ("A", ["Yams"], ["A imports Yams from outside, the table does not"]),
            ("D", [], ["D is not in the table"]),
            ("tool", ["A", "C"], []),
        ] as [(String, Set<String>, [String])])
    func differences(module: String, imports: Set<String>, complaints: [String]) {
        var sources = Self.sources
        sources[module] = imports
        #expect(Self.table.complaints(sources: sources, dependencies: sources) == complaints)
    }

    @Test("a row without a module, and a package that allows more than is imported")
    func packages() {
        #expect(Self.table.complaints(sources: Self.sources, dependencies: Self.sources) == [])
        var sources = Self.sources
        sources["B"] = nil
        #expect(
            Self.table.complaints(sources: sources, dependencies: sources).contains {
                $0.hasPrefix("B is in the table")
            })
        var dependencies = Self.sources
        dependencies["tool"] = ["A", "C"]
        #expect(Self.table.complaints(sources: Self.sources, dependencies: dependencies).count == 1)
    }
}
