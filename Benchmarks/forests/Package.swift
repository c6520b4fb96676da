// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who uses the library builds it. The sources are linked, so that the library
// needs no products for its parts.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let package = Package(
    name: "forests-bench",
    targets: [
        .systemLibrary(name: "COpenBLAS", path: "Linked/COpenBLAS"),
        .systemLibrary(name: "CPrefetch", path: "Linked/CPrefetch"),
        .target(name: "Basics", path: "Linked/Basics", swiftSettings: settings),
        .target(
            name: "LinearAlgebra", dependencies: ["COpenBLAS"], path: "Linked/LinearAlgebra", swiftSettings: settings),
        .target(name: "ModelFiles", path: "Linked/ModelFiles", swiftSettings: settings),
        .target(
            name: "Forests", dependencies: ["Basics", "CPrefetch", "LinearAlgebra", "ModelFiles"],
            path: "Linked/Forests",
            swiftSettings: settings),
        .executableTarget(name: "ForestsBench", dependencies: ["Forests", "LinearAlgebra"]),
    ]
)
